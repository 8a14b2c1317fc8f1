/** Answers that were once real, for the API's documentation: made from a fixed stretch of telemetry by `npm run generate`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorCode } from './errors.ts';

/** A JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

export type JsonObject = Exclude<Json, string | number | boolean | null | readonly Json[]>;

export interface Examples {
  /** By path and media type. Of long lists only the end is kept. */
  readonly answers: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  /** Both forms of every error. */
  readonly errors: Readonly<Record<ErrorCode, { readonly error: Json; readonly problem: Json }>>;
}

/** @throws when the package was taken apart */
export function readExamples(): Examples {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'examples.json'), 'utf8')) as Examples;
}
