/**
 * What graphql-yoga's declarations take from `@whatwg-node/fetch`, in Node's own types: tsconfig.json names this file in
 * its place. The package's declarations bring the globals of a browser into the whole program, in place of Node's.
 */
export const Response: typeof globalThis.Response;
export function createFetch(): Pick<
  typeof globalThis,
  | 'fetch'
  | 'Request'
  | 'Response'
  | 'Headers'
  | 'FormData'
  | 'ReadableStream'
  | 'WritableStream'
  | 'TransformStream'
  | 'CompressionStream'
  | 'DecompressionStream'
  | 'TextDecoderStream'
  | 'TextEncoderStream'
  | 'Blob'
  | 'File'
  | 'crypto'
  | 'btoa'
  | 'TextEncoder'
  | 'TextDecoder'
  | 'URLPattern'
  | 'URL'
  | 'URLSearchParams'
>;
