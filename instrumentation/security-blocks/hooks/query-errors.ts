/** Which errors of GraphQL's parser and validation are limits on queries, and what is known of documents. */
import { recordBlock, type Watch } from '../watch.ts';

type QueryPattern = 'depth' | 'cost' | 'aliases' | 'directives' | 'tokens';

/** What limits say, by the library: graphql-depth-limit, graphql-query-complexity, GraphQL Armor and graphql itself. */
const MESSAGES: readonly (readonly [QueryPattern, RegExp])[] = [
  ['depth', /exceeds maximum operation depth|^Syntax Error: Query depth limit of \d+ exceeded/],
  ['cost', /exceeds the maximum (?:complexity|allowed number of nodes)|^Syntax Error: Query Cost limit of/],
  ['aliases', /^Syntax Error: Aliases limit of \d+ exceeded/],
  ['directives', /^Syntax Error: Directives limit of \d+ exceeded/],
  ['tokens', /^Syntax Error: (?:Token limit of \d+ exceeded|Document contains more than \d+ tokens)/],
];

/** Errors that a library has made to refuse, whatever they say. */
const refusals = new WeakMap<object, QueryPattern>();
/** Documents that a library has found beyond a limit, and left it to others to refuse. */
const suspects = new WeakMap<object, QueryPattern>();

export function noteRefusal(error: object, pattern: QueryPattern): void {
  refusals.set(error, pattern);
}

export function noteSuspect(document: object, pattern: QueryPattern): void {
  suspects.set(document, pattern);
}

/**
 * Records a query that was refused when it was parsed. It never throws.
 * @param error what the parser threw
 */
export function judgeParsing(watch: Watch, error: unknown): void {
  const pattern = patternOf(error);
  if (pattern !== undefined) recordBlock(watch, { category: 'query_analysis', pattern, surface: 'graphql' });
}

/**
 * Records a query that was refused when it was validated, or found beyond a limit and let through. It never throws.
 * @param errors what validation returned, or the one that it threw
 */
export function judgeValidation(watch: Watch, document: unknown, errors: unknown): void {
  if (!watch.enabled || typeof document !== 'object' || document === null) return;
  const all: readonly unknown[] = Array.isArray(errors) ? errors : [errors];
  const suspected = suspects.get(document);
  if (all.length === 0 && suspected === undefined) return;
  let pattern: QueryPattern | undefined;
  for (const error of all) pattern ??= patternOf(error);
  const action = pattern === undefined && all.length === 0 ? 'detected' : 'blocked';
  pattern ??= suspected;
  if (pattern !== undefined)
    recordBlock(watch, { category: 'query_analysis', pattern, action, surface: 'graphql', document });
}

function patternOf(error: unknown): QueryPattern | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const known = refusals.get(error);
  if (known !== undefined) return known;
  const { message } = error as { message?: unknown };
  return typeof message === 'string' ? MESSAGES.find(([, text]) => text.test(message))?.[0] : undefined;
}
