import { readAttributes } from './attribute-reader.ts';
import type { RawAttributes } from './attributes.ts';
import { BYTES, type WireReader } from './wire.ts';

/** An InstrumentationScope. */
export interface ReadScope {
  readonly name: string;
  readonly version: string;
  readonly attributes: RawAttributes;
  /** There was more in it that may be text: nobody knows what it holds. */
  readonly hasUnknown: boolean;
}

/** A Metric without its data. */
export interface ReadDeclaration {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  /** See `ReadScope`. */
  readonly hasUnknown: boolean;
}

/** Reads the InstrumentationScope between two indexes. The reader's position changes. @throws BodyError */
export function readScope(reader: WireReader, start: number, end: number): ReadScope {
  const { texts, once } = readTexts(reader, start, end, [1, 2]);
  const { attributes } = readAttributes(reader, start, end, 3);
  const hasUnknown = !once || hasOther(reader, start, end, 3);
  return { name: texts[0], version: texts[1], attributes, hasUnknown };
}

/** Reads the fields of a Metric between two indexes, among which its data are not. The reader's position changes. */
export function readDeclaration(reader: WireReader, start: number, end: number): ReadDeclaration {
  const { texts, once } = readTexts(reader, start, end, [1, 2, 3]);
  const hasUnknown = !once || hasOther(reader, start, end, 3);
  return { name: texts[0], description: texts[1], unit: texts[2], hasUnknown };
}

function hasOther(reader: WireReader, start: number, end: number, last: number): boolean {
  let found = false;
  reader.pos = start;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if ((tag & 7) === BYTES && tag >>> 3 > last) found = true;
    reader.pass(tag & 7, end);
  }
  return found;
}

/** Reads string fields; of one that stands twice the last counts, and `once` is false. */
function readTexts(reader: WireReader, start: number, end: number, fields: readonly number[]) {
  const texts = fields.map(() => '');
  const seen = new Set<number>();
  let once = true;
  reader.pos = start;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    const index = fields.indexOf(tag >>> 3);
    if ((tag & 7) !== BYTES || index < 0) {
      reader.pass(tag & 7, end);
      continue;
    }
    const to = reader.payloadEnd(end);
    texts[index] = reader.text(reader.pos, to);
    reader.pos = to;
    once &&= !seen.has(index);
    seen.add(index);
  }
  return { texts, once };
}
