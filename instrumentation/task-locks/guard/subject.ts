/** What work is about: its task, whose it is, and which key that makes. */
import { canonicalJson, digestOf } from './canonical.ts';

/** Within what a key is unique. */
export type GuardScope = 'global' | 'user' | 'device' | 'tenant';

const scopes: readonly string[] = ['global', 'user', 'device', 'tenant'] satisfies GuardScope[];

export interface Subject {
  /** Name of the task as it shall appear: a constant, never made from input. */
  readonly task: string;
  /** @default 'global' */
  readonly scope?: GuardScope;
  /** Which user, device or tenant: needed with those scopes. It goes into the key, as a digest, and nowhere else. */
  readonly owner?: string;
  /** Prefix of keys in the store. @default 'vigil' */
  readonly prefix?: string;
}

/** @throws TypeError naming the option */
export function checkSubject(where: string, { task, scope = 'global', owner }: Subject): void {
  if (typeof task !== 'string' || task === '') throw new TypeError(`${where}: task takes the name of the task`);
  if (!scopes.includes(scope)) throw new TypeError(`${where}: scope takes ${scopes.join(', ')}, not ${scope}`);
  if (scope === 'global') {
    if (owner !== undefined) throw new TypeError(`${where}: owner needs a scope: user, device or tenant`);
  } else if (typeof owner !== 'string' || owner === '') {
    throw new TypeError(`${where}: scope ${scope} needs owner: which ${scope} it is`);
  }
}

/** The key in the store. Whose it is and what was given as a key stand in it as a digest only. */
export function storeKey(kind: 'idempotency' | 'lock', subject: Subject, key: string): string {
  const { prefix = 'vigil', task, scope = 'global', owner } = subject;
  return `${prefix}:${kind}:${task}:${digestOf(canonicalJson([scope, owner ?? null, key]))}`;
}

/** A time in milliseconds, checked. @throws TypeError naming the option */
export function checkMs(where: string, name: string, ms: number, least: number): number {
  if (!(typeof ms === 'number' && ms >= least && ms <= MAX_MS))
    throw new TypeError(`${where}: ${name} takes ${least} to ${MAX_MS}, not ${ms}`);
  return ms;
}

/** As `checkMs`, for what a timer of Node's can wait. @throws TypeError naming the option */
export function checkTimerMs(where: string, name: string, ms: number): void {
  if (!(typeof ms === 'number' && ms >= 1 && ms < 2 ** 31))
    throw new TypeError(`${where}: ${name} takes 1 to ${2 ** 31 - 1}, not ${ms}`);
}

/** A hundred years: more is a mistake of units, and overflows what stores count with. */
const MAX_MS = 100 * 366 * 86_400_000;
