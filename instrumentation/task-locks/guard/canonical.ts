/** One text for one value, whatever the order of its properties: as RFC 8785 (JSON Canonicalization Scheme) has it. */
import { createHash } from 'node:crypto';

/** Deepest nesting, and longest text, of arguments that make a key. */
const MAX_DEPTH = 100;
const MAX_LENGTH = 4 * 1024 * 1024;

/**
 * What JSON cannot carry is refused instead of left out: two calls that differ in it would be taken for one. Properties
 * that are `undefined` count as absent, and what has a `toJSON`, such as a Date, as what that gives.
 * @throws TypeError naming the place
 */
export function canonicalJson(value: unknown): string {
  const text = write(value, 'args', 0);
  if (text.length > MAX_LENGTH) throw new TypeError(`args: longer than ${MAX_LENGTH} characters; give a key instead`);
  return text;
}

/** @returns SHA-256 in base64url, 43 characters */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

function write(value: unknown, place: string, depth: number): string {
  if (depth > MAX_DEPTH) throw new TypeError(`${place.slice(0, 80)}…: nested too deeply, or in a circle`);
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${place}: ${value} is no JSON; give it as text`);
      return JSON.stringify(value);
    case 'object':
      return value === null ? 'null' : writeObject(value, place, depth);
    default:
      throw new TypeError(`${place}: a ${typeof value} is no JSON; leave it out or give it as text`);
  }
}

function writeObject(value: object, place: string, depth: number): string {
  if ('toJSON' in value && typeof value.toJSON === 'function') return write(value.toJSON(), place, depth + 1);
  if (Array.isArray(value)) {
    // Not `map`, which skips holes.
    return `[${Array.from(value, (item, i) => write(item, `${place}[${i}]`, depth + 1)).join()}]`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!isPlain) throw new TypeError(`${place}: a ${value.constructor?.name} is no JSON; give what it holds`);
  const properties = Object.entries(value).filter(([, item]) => item !== undefined);
  // By UTF-16 code units, as RFC 8785 asks and `<` compares. Names are unique.
  properties.sort(([a], [b]) => (a < b ? -1 : 1));
  const written = properties.map(
    ([name, item]) => `${JSON.stringify(name)}:${write(item, `${place}.${name}`, depth + 1)}`,
  );
  return `{${written.join()}}`;
}
