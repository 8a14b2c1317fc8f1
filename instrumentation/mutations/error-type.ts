import { OTHER } from '@vigil/semconv';

/** Errors wrap errors (graphql, stitching, subgraphs); deeper than this nobody looks. */
const MOST_CAUSES = 4;

/** A constant somebody wrote into a program: short, without spaces. Everything else could be a message or a payload. */
const CONSTANT = /^[A-Za-z_$][\w$.:-]{0,63}$/;

/** Classes that say less than the `name` of their instances. */
const VAGUE_CLASSES: ReadonlySet<string> = new Set(['', 'Error', 'Object', 'DOMException']);

interface ErrorLike {
  readonly name?: unknown;
  readonly extensions?: { readonly code?: unknown } | null;
  readonly originalError?: unknown;
  readonly constructor?: { readonly name?: unknown };
}

/**
 * What kind of error this is: `extensions.code` when it is a short constant, else the class of the innermost error, else
 * `_OTHER`. Never a message. The number of kinds is not bounded here.
 * @param error anything that was thrown, returned or reported
 */
export function errorTypeOf(error: unknown): string {
  try {
    return readType(error);
  } catch {
    // A getter or a proxy of the host's: the mutation has failed all the same.
    return OTHER;
  }
}

function readType(error: unknown): string {
  let innermost = error;
  for (let depth = 0; depth < MOST_CAUSES && isObject(innermost); depth++) {
    const code = codeOf(innermost);
    if (code !== undefined) return code;
    if (!isObject(innermost.originalError)) break;
    innermost = innermost.originalError;
  }
  return isObject(innermost) ? classOf(innermost) : OTHER;
}

function isObject(value: unknown): value is ErrorLike {
  return typeof value === 'object' && value !== null;
}

function codeOf(error: ErrorLike): string | undefined {
  const code = error.extensions?.code;
  if (typeof code === 'string' && CONSTANT.test(code)) return code;
  // Some APIs answer with their HTTP status; a longer number could be anybody's id.
  if (typeof code === 'number' && Number.isInteger(code) && code >= 0 && code < 10_000) return String(code);
  return undefined;
}

function classOf(error: ErrorLike): string {
  if (!(error instanceof Error) && typeof error.name !== 'string') return OTHER;
  const className = error.constructor?.name;
  const said = typeof className === 'string' && !VAGUE_CLASSES.has(className) ? className : error.name;
  return typeof said === 'string' && CONSTANT.test(said) ? said : OTHER;
}
