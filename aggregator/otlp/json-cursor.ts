import { isUtf8 } from 'node:buffer';
import { equalBytes } from './byte-table.ts';
import { countOf, doubleOf, integerOf, malformedJson } from './json-reader.ts';

export const OPEN_BRACE = 0x7b;
export const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const BYTE_ORDER_MARK = Buffer.of(0xef, 0xbb, 0xbf);

/** Digits that a double holds exactly, whatever they are. */
const EXACT_DIGITS = 15;
/** Digits of Unix nanoseconds from 2001 to 2286. */
const NANOS_DIGITS = 19;
/** Powers of ten that are exact as doubles. */
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** Names of a message's fields, numbered in the order given, and how they followed each other the last time. */
export class Fields {
  /** The number of every name that is not among them. */
  readonly unknown: number;
  readonly #numbers: ReadonlyMap<string, number>;
  /** As they stand in a body, with quotes and colon. */
  readonly literals: readonly DataView[];
  /** By the field before, plus one. */
  readonly next: Uint8Array;

  constructor(...names: readonly string[]) {
    this.unknown = names.length;
    this.#numbers = new Map(names.map((name, number) => [name, number]));
    this.literals = names.map((name) => {
      const bytes = Uint8Array.from(Buffer.from(`"${name}":`));
      return new DataView(bytes.buffer);
    });
    this.next = new Uint8Array(names.length + 2);
  }

  numberOf(name: string): number {
    return this.#numbers.get(name) ?? this.unknown;
  }
}

/**
 * A place in a JSON text. What senders write as a rule is read from its bytes; every other spelling is cut out and given
 * to `JSON.parse`, and to the readers of what it returns: both say the same. Names are expected in the order in which
 * they came the last time.
 */
export class JsonCursor {
  pos = 0;
  #end = 0;
  #buffer: Buffer = Buffer.alloc(0);
  view: DataView = new DataView(new ArrayBuffer(0));

  /** Stands before the first value. @throws BodyError when the bytes are no UTF-8 */
  open(body: Uint8Array): void {
    if (!isUtf8(body)) malformedJson();
    this.#buffer = Buffer.from(body.buffer, body.byteOffset, body.length);
    this.view = new DataView(body.buffer, body.byteOffset, body.length);
    this.#end = body.length;
    this.pos = this.#buffer.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
  }

  close(): void {
    this.open(new Uint8Array(0));
  }

  /** Nothing but white space may follow. */
  end(): void {
    this.#peek();
    if (this.pos < this.#end) malformedJson();
  }

  /** Passes over white space. @returns the byte behind it, undefined at the end */
  #peek(): number | undefined {
    const buffer = this.#buffer;
    let at = this.pos;
    let byte = buffer[at];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = buffer[++at];
    this.pos = at;
    return byte;
  }

  /** Whether null stands here: it is then passed over. */
  isNull(): boolean {
    if (this.#peek() !== 0x6e) return false;
    if (this.text(this.pos, this.pos + 4) !== 'null') malformedJson();
    this.pos += 4;
    return true;
  }

  /** Goes into an object or an array. @returns whether there is one: null stands for none */
  enters(bracket: typeof OPEN_BRACE | typeof OPEN_BRACKET): boolean {
    if (this.#peek() === bracket) {
      this.pos++;
      return true;
    }
    return this.isNull() ? false : malformedJson();
  }

  /** Goes on to the value of the next field. @param before the field before, -1 at first @returns -1 behind the last */
  nextField(fields: Fields, before: number): number {
    let byte = this.#peek();
    if (byte === CLOSE_BRACE) {
      this.pos++;
      return -1;
    }
    if (before >= 0) {
      if (byte !== COMMA) malformedJson();
      this.pos++;
      byte = this.#peek();
    }
    if (byte !== QUOTE) malformedJson();
    const expected = fields.next[before + 1];
    const literal = fields.literals[expected];
    if (literal !== undefined) {
      const length = literal.byteLength;
      if (this.has(length) && equalBytes(literal, 0, this.view, this.pos, length)) {
        this.pos += length;
        return expected;
      }
    }
    const field = fields.numberOf(this.value() as string);
    if (this.#peek() !== COLON) malformedJson();
    this.pos++;
    fields.next[before + 1] = field;
    return field;
  }

  /** Whether so many bytes are left. */
  has(length: number): boolean {
    return this.pos + length <= this.#end;
  }

  /** Goes on to the next item of an array. @returns false behind the last */
  nextItem(isFirst: boolean): boolean {
    const byte = this.#peek();
    if (byte === CLOSE_BRACKET) {
      this.pos++;
      return false;
    }
    if (isFirst) return true;
    if (byte !== COMMA) malformedJson();
    this.pos++;
    if (this.#peek() === CLOSE_BRACKET) malformedJson();
    return true;
  }

  /** Passes over a value of which only the end is looked for: somebody else must read it. @returns where it began */
  pass(): number {
    const byte = this.#peek();
    const start = this.pos;
    const buffer = this.#buffer;
    const end = this.#end;
    let at = start;
    if (byte === QUOTE) at = this.#behindString(at);
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      let depth = 0;
      do {
        const next = buffer[at];
        if (next === QUOTE) at = this.#behindString(at);
        else {
          if (next === OPEN_BRACE || next === OPEN_BRACKET) depth++;
          else if (next === CLOSE_BRACE || next === CLOSE_BRACKET) depth--;
          at++;
        }
      } while (depth > 0 && at < end);
    } else while (at < end && isOfWord(buffer[at])) at++;
    if (at === start) malformedJson();
    this.pos = at;
    return start;
  }

  #behindString(at: number): number {
    const buffer = this.#buffer;
    const end = this.#end;
    for (at++; at < end; at++) {
      const byte = buffer[at];
      if (byte === QUOTE) return at + 1;
      if (byte === BACKSLASH) at++;
    }
    malformedJson();
  }

  /** Any value at all. */
  value(): unknown {
    const start = this.pass();
    return this.parse(start, this.pos);
  }

  /** The value between two indexes. */
  parse(start: number, end: number): unknown {
    try {
      return JSON.parse(this.text(start, end));
    } catch {
      malformedJson();
    }
  }

  text(start: number, end: number): string {
    return this.#buffer.toString('utf8', start, end);
  }

  /** An integer that is never below zero; absent, 0. See `countOf`. */
  count(): number {
    const read = this.#digits();
    return read >= 0 ? read : countOf(this.value());
  }

  /** An integer of any width; absent, 0. See `integerOf`. */
  integer(): number {
    const read = this.#digits();
    return read >= 0 ? read : integerOf(this.value());
  }

  /** Digits alone or in quotes, few enough to be exact. @returns -1 for all else, and nothing is passed over then */
  #digits(): number {
    const buffer = this.#buffer;
    const isQuoted = this.#peek() === QUOTE;
    const start = isQuoted ? this.pos + 1 : this.pos;
    let at = start;
    let number = 0;
    let digit = buffer[at] - ZERO;
    while (digit >= 0 && digit <= 9) {
      number = number * 10 + digit;
      digit = buffer[++at] - ZERO;
    }
    const length = at - start;
    if (length === 0 || length > EXACT_DIGITS) return -1;
    const isOther = isOfWord(buffer[at]) || (buffer[start] === ZERO && length > 1);
    if (isQuoted ? buffer[at] !== QUOTE : isOther) return -1;
    this.pos = isQuoted ? at + 1 : at;
    return number;
  }

  /** Unix nanoseconds; absent, 0. See `countOf`. */
  nanos(): number {
    const at = this.pos;
    const buffer = this.#buffer;
    if (buffer[at] !== QUOTE || buffer[at + 1 + NANOS_DIGITS] !== QUOTE) return this.count();
    const seconds = this.#tenDigits(at + 1, 10);
    const rest = this.#tenDigits(at + 11, 9);
    // Seconds of 32 bits times 10^9 are exact, having few bits before the nine zeros at their end: it is rounded once.
    if (!(seconds < 2 ** 32 && rest >= 0)) return this.count();
    this.pos = at + NANOS_DIGITS + 2;
    return seconds * 1e9 + rest;
  }

  /** @returns NaN where not all of them are digits */
  #tenDigits(at: number, n: number): number {
    const buffer = this.#buffer;
    let number = 0;
    for (let i = at; i < at + n; i++) {
      const digit = buffer[i] - ZERO;
      if (!(digit >= 0 && digit <= 9)) return Number.NaN;
      number = number * 10 + digit;
    }
    return number;
  }

  /** A double; absent, undefined. See `doubleOf`. */
  double(): number | undefined {
    const first = this.#peek();
    const buffer = this.#buffer;
    const start = first === MINUS ? this.pos + 1 : this.pos;
    let at = start;
    let number = 0;
    let pointAt = -1;
    for (;;) {
      const digit = buffer[at] - ZERO;
      if (digit >= 0 && digit <= 9) number = number * 10 + digit;
      else if (digit === POINT - ZERO && pointAt < 0) pointAt = at;
      else break;
      at++;
    }
    const decimals = pointAt < 0 ? 0 : at - pointAt - 1;
    const digits = at - start - (pointAt < 0 ? 0 : 1);
    const isPlain = digits - decimals > 0 && pointAt !== at - 1 && !isOfWord(buffer[at]);
    const hasZeros = buffer[start] === ZERO && digits - decimals > 1;
    // Both the digits and the power of ten are exact: the quotient is rounded once.
    if (!isPlain || hasZeros || digits > EXACT_DIGITS) return doubleOf(this.value());
    this.pos = at;
    const size = number / POWERS_OF_TEN[decimals];
    return first === MINUS ? -size : size;
  }
}

/** Whether the byte can be a part of a number or of null, true and false. */
function isOfWord(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x2b && byte <= 0x39 && byte !== COMMA && byte !== 0x2f) || byte === 0x45
  );
}
