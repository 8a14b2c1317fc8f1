/** What all middlewares share: judging a request's values, recording the first attempt, and what is done about it. */
import { diag } from '@opentelemetry/api';
import { recordSecurityBlock, type SecurityBlock } from '../record.ts';
import { classifySqlInjection, type SqlInjectionAttempt } from './classify.ts';
import { type Place, type Walk, walkLeaves } from './leaves.ts';

/** An attempt with where it stands. The value itself is nowhere told. */
export interface SqlInjectionFinding extends SqlInjectionAttempt {
  readonly place: Place;
  /** Name of the parameter, chosen by whoever sent it; nested ones are joined by points. */
  readonly parameter: string;
}

export interface SqlInjectionOptions {
  /** Refuse the request: 403, or a GraphQL error. @default false: it is recorded as `detected` and passes */
  readonly block?: boolean;
  /** Headers that are looked at, by their names. @default none */
  readonly headers?: readonly string[];
  /** The least score, 5 to 10, that makes an attempt. @default 5 */
  readonly minScore?: number;
  /** Fields that are not looked at, beside those that hold secrets by their names. @default none */
  readonly skip?: (place: Place, name: string) => boolean;
  /** Told of each attempt, for logs of your own. What it throws is caught. */
  readonly onAttempt?: (finding: SqlInjectionFinding) => void;
}

/** One request: what is known of it, for the record. */
export interface Inspected {
  readonly request?: object | undefined;
  readonly surface?: SecurityBlock['surface'];
}

/**
 * Judges what `walkOver` leads to, up to the first attempt, and records that. It never throws: a value that cannot be judged
 * passes, and counts as a failure.
 * @returns the attempt where the request is to be refused
 */
export type Inspect = (walkOver: (walk: Walk) => void, inspected: Inspected) => SqlInjectionFinding | undefined;

let failures = 0;

/** How often judging failed in this process, and the request passed without. */
export function failedSqlInjectionJudgements(): number {
  return failures;
}

export function createInspection(options: SqlInjectionOptions = {}): Inspect {
  const { block = false, minScore = 5, skip, onAttempt } = options;
  return (walkOver, inspected) => {
    try {
      const found = findAttempt(walkOver, minScore, skip);
      if (found === undefined) return undefined;
      record(found, block, inspected);
      tell(onAttempt, found);
      return block ? found : undefined;
    } catch (error) {
      countFailure(error);
      return undefined;
    }
  };
}

function findAttempt(
  walkOver: (walk: Walk) => void,
  minScore: number,
  skip: SqlInjectionOptions['skip'],
): SqlInjectionFinding | undefined {
  let found: SqlInjectionFinding | undefined;
  const walk = walkLeaves((place, parameter, value) => {
    const attempt = classifySqlInjection(value);
    if (attempt === undefined || attempt.score < minScore) return true;
    found = { ...attempt, place, parameter };
    return false;
  }, skip);
  walkOver(walk);
  return found;
}

function record(found: SqlInjectionFinding, block: boolean, { request, surface }: Inspected): void {
  recordSecurityBlock({
    category: 'sqli',
    pattern: found.class,
    action: block ? 'blocked' : 'detected',
    parameter: `${found.place}.${found.parameter}`,
    ...(surface === undefined ? {} : { surface }),
    ...(request === undefined ? {} : { request }),
  });
}

function tell(onAttempt: SqlInjectionOptions['onAttempt'], found: SqlInjectionFinding): void {
  try {
    onAttempt?.(found);
  } catch (error) {
    diag.error('onAttempt threw', error);
  }
}

/** Told at the first failure and at each doubling. What is thrown may hold a payload: only its kind is told. */
function countFailure(error: unknown): void {
  failures++;
  if ((failures & (failures - 1)) !== 0) return;
  const kind = error instanceof Error ? error.name : typeof error;
  diag.error(`judging SQL-injection attempts failed (${kind}), ${failures} times so far; the requests passed`);
}

/** The body of a refusal; it does not tell why. */
export const REFUSAL = JSON.stringify({ error: 'Forbidden', message: 'The request was refused.' });
