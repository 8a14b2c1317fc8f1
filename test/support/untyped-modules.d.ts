/** Modules without declarations of their own, as far as they are used here. */
declare module 'pbf/compile' {
  export function compileRaw(
    schema: object,
    options?: { legacy?: boolean; noRead?: boolean; noWrite?: boolean },
  ): string;
}
declare module 'protocol-buffers-schema' {
  export function parse(text: string | Uint8Array): object;
}
declare module 'graphql-depth-limit' {
  import type { ValidationRule } from 'graphql';

  function depthLimit(maxDepth: number): ValidationRule;
  export = depthLimit;
}
