/** GraphQL Armor: each of its limits is a package of its own and calls `onReject`, whatever its error then says. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { type AnyFunction, patchExport } from '@vigil/hooking';
import { recordBlock, type Watch } from '../watch.ts';
import { moduleHook, replaceFunctions } from './module.ts';
import { noteRefusal, noteSuspect } from './query-errors.ts';

type OnReject = (context: { getDocument(): object } | null, error: object) => void;
interface Options {
  readonly onReject?: readonly OnReject[];
  readonly propagateOnRejection?: boolean;
}

/** The packages by the end of their names, with what they export. */
const limits = [
  ['max-depth', 'depth', 'maxDepth'],
  ['cost-limit', 'cost', 'costLimit'],
  ['max-aliases', 'aliases', 'maxAliases'],
  ['max-directives', 'directives', 'maxDirectives'],
  ['max-tokens', 'tokens', 'maxTokens'],
] as const;
type Pattern = (typeof limits)[number][1];

const PACKAGE = '@escape.tech/graphql-armor-';
const PARSER = 'MaxTokensParserWLexer';

export function graphqlArmorHooks(watch: Watch): InstrumentationModuleDefinition[] {
  return limits.map(([name, pattern, base]) => {
    const wrap = (original: AnyFunction): AnyFunction =>
      function (this: unknown, options?: Options, ...rest: never[]) {
        return original.apply(this, [withOnReject(watch, options, pattern) as never, ...rest]);
      } as AnyFunction;
    return moduleHook(`${PACKAGE}${name}`, '>=1 <4', (exports) => {
      const patched = replaceFunctions(exports, [`${base}Rule`, `${base}Plugin`], wrap, watch.diag);
      return patchExport(patched, PARSER, (original) => observedParser(watch, original), watch.diag, 'security-blocks');
    });
  });
}

type Parser = new (source: unknown, options?: Options) => object;

/** The parser that counts tokens is a class, which Apollo's protection makes by itself. */
function observedParser(watch: Watch, original: AnyFunction): AnyFunction {
  const parser = original as unknown as Parser;
  return class extends parser {
    constructor(source: unknown, options?: Options) {
      super(source, withOnReject(watch, options, 'tokens'));
    }
  } as unknown as AnyFunction;
}

/** Whoever is not to throw leaves it to the other handlers to refuse; whether they did, validation tells. */
function withOnReject(watch: Watch, options: Options | undefined, pattern: Pattern): Options {
  const throws = options?.propagateOnRejection !== false;
  const onReject: OnReject = (context, error) => {
    const document = context?.getDocument();
    if (!throws && document !== undefined) noteSuspect(document, pattern);
    else {
      noteRefusal(error, pattern);
      const action = throws ? 'blocked' : 'detected';
      recordBlock(watch, { category: 'query_analysis', pattern, action, surface: 'graphql', document });
    }
  };
  return { ...options, onReject: [...(options?.onReject ?? []), onReject] };
}
