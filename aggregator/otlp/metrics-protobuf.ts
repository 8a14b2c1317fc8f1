import { readAttributes } from './attribute-reader.ts';
import { type Door, OPEN_DOOR } from './attributes.ts';
import { PointBatch } from './batch.ts';
import { readDeclaration, readScope } from './declaration-reader.ts';
import type { Identities } from './identity.ts';
import { isRefusal, type Refusal } from './judgement.ts';
import { PointStager } from './point-stager.ts';
import { checkMessage, METRIC, METRIC_DEPTH } from './schema.ts';
import { declarationContext, Memory, type Sender } from './senders.ts';
import { located } from './unreadable.ts';
import { BYTES, malformed, WireReader } from './wire.ts';

/** Bits of the numbers of a Metric's fields that are data. */
const DATA_FIELDS = 0b1110_1010_0000;

/**
 * Reads the metrics of OTLP/protobuf bodies into batches.
 *
 * A visitor: it walks the bytes, makes no object a message, and recognises resources, metrics and attribute sets by
 * their bytes, attribute sets first by the position at which they stood the last time. Before anything new gets a number
 * the whole body is checked, so that one that cannot be parsed leaves no trace anywhere. Every message is passed over
 * twice: first to find what its parts mean, which may stand behind them, then for the parts.
 */
export class MetricsDecoder {
  readonly #identities: Identities;
  readonly #door: Door;
  readonly #stager: PointStager;
  #memory: Memory;
  #batch = new PointBatch();

  constructor(identities: Identities, door: Door = OPEN_DOOR) {
    this.#identities = identities;
    this.#door = door;
    this.#memory = new Memory(identities, door);
    this.#stager = new PointStager(identities, door, this.#memory);
  }

  /**
   * Stages the points of one body in `batch`, which is empty. The numbers in it are valid as long as the generation of
   * the identities is, which must not change during the call.
   * @throws BodyError 'malformed' when the bytes cannot be parsed: the batch is then empty
   */
  decode(body: Uint8Array, batch: PointBatch): void {
    if (this.#memory.isSpent) this.#memory = new Memory(this.#identities, this.#door);
    this.#batch = batch;
    this.#stager.open(body, batch, this.#memory);
    try {
      this.#request(body.length);
    } catch (error) {
      batch.reset();
      throw located(error, body, 'protobuf', this.#stager.points.reader.pos);
    } finally {
      this.#stager.points.close();
    }
  }

  #request(end: number): void {
    const { reader } = this.#stager.points;
    while (reader.pos < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a) this.#resourceMetrics(reader.payloadEnd(end));
      else this.#passUnknown(tag, end, 1);
    }
  }

  #resourceMetrics(end: number): void {
    const { reader } = this.#stager.points;
    const start = reader.pos;
    const resource = this.#findHead(end);
    if (resource.parts === 0) this.#stager.neverLookedAt();
    else {
      const sender = this.#sender(resource.start, resource.end - resource.start);
      reader.pos = start;
      while (reader.pos < end) {
        const tag = reader.tag(end);
        if (tag === 0x12) this.#scopeMetrics(sender, reader.payloadEnd(end));
        else reader.pass(tag & 7, end);
      }
    }
  }

  #scopeMetrics(sender: Sender, end: number): void {
    const { reader } = this.#stager.points;
    const start = reader.pos;
    const head = this.#findHead(end);
    if (head.parts === 0) this.#stager.neverLookedAt();
    else {
      const scope = this.#scope(sender.service, head.start, head.end - head.start);
      reader.pos = start;
      while (reader.pos < end) {
        const tag = reader.tag(end);
        if (tag === 0x12) this.#metric(sender, scope, reader.payloadEnd(end));
        else reader.pass(tag & 7, end);
      }
    }
  }

  /**
   * The first of the two passes over ResourceMetrics and ScopeMetrics, which look alike: one message that tells whose
   * the others are, those others, and the address of a schema. Leaves the reader at the end.
   */
  #findHead(end: number): { start: number; end: number; parts: number } {
    const { reader } = this.#stager.points;
    const head = { start: 0, end: -1, parts: 0 };
    while (reader.pos < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a) {
        if (head.end >= 0) malformed();
        head.end = reader.payloadEnd(end);
        head.start = reader.pos;
        reader.pos = head.end;
      } else if (tag === 0x12) {
        reader.pos = reader.payloadEnd(end);
        head.parts++;
      } else if (tag === 0x1a) {
        const to = reader.payloadEnd(end);
        if (!this.#isTextClean(reader.pos, to)) this.#batch.clean = false;
        reader.pos = to;
      } else this.#passUnknown(tag, end, 3);
    }
    if (head.end < 0) head.end = head.start;
    return head;
  }

  #isTextClean(start: number, end: number): boolean {
    const { reader } = this.#stager.points;
    const { dataView } = reader;
    const known = this.#memory.findText(dataView, start, end - start);
    if (known >= 0) return this.#memory.isTextClean(known);
    return this.#memory.isTextClean(this.#memory.addText(dataView, start, end - start, reader.text(start, end)));
  }

  #sender(start: number, length: number): Sender {
    const { reader } = this.#stager.points;
    let sender = this.#memory.findSender(reader.dataView, start, length);
    if (sender === undefined) {
      this.#stager.checkBody();
      sender = this.#memory.addSender(reader.dataView, start, length, readAttributes(reader, start, start + length, 1));
    }
    if (!sender.clean) this.#batch.clean = false;
    return sender;
  }

  #scope(service: number, start: number, length: number): number {
    const { reader } = this.#stager.points;
    let scope = this.#memory.findScope(service, reader.dataView, start, length);
    if (scope < 0) {
      this.#stager.checkBody();
      scope = this.#memory.addScope(service, reader.dataView, start, length, readScope(reader, start, start + length));
    }
    if (!this.#memory.isScopeClean(scope)) this.#batch.clean = false;
    return scope;
  }

  #metric(sender: Sender, scope: number, end: number): void {
    const { reader } = this.#stager.points;
    const start = reader.pos;
    let dataTag = -1;
    let dataStart = -1;
    let dataEnd = -1;
    let field = 0;
    while (reader.pos < end) {
      const at = reader.pos;
      const tag = reader.tag(end);
      const number = tag >>> 3;
      const isData = number < 12 && (DATA_FIELDS & (1 << number)) !== 0;
      if ((isData || number <= 3 || number === 12) && (tag & 7) !== BYTES) malformed();
      if (isData) {
        if (dataTag >= 0) malformed();
        dataTag = at;
        field = number;
        dataEnd = reader.payloadEnd(end);
        dataStart = reader.pos;
        reader.pos = dataEnd;
      } else reader.pass(tag & 7, end);
    }
    if (dataTag < 0) this.#stager.neverLookedAt();
    else {
      const [around, from, length] =
        dataEnd === end ? ([reader, start, dataTag - start] as const) : joined(reader, start, dataTag, dataEnd, end);
      reader.pos = dataStart;
      const data = this.#findData(dataEnd);
      const context = declarationContext(scope, field, data.temporality, data.monotonic);
      const declaration = this.#declaration(context, around, from, length);
      const { judged, clean } = this.#memory.declaration(declaration);
      if (!clean) this.#batch.clean = false;
      if (isRefusal(judged)) {
        reader.pos = start;
        this.#refuse(judged, data.points, end);
      } else {
        reader.pos = dataStart;
        this.#stager.stage(this.#memory.sentMetric(sender, declaration, judged), dataEnd);
      }
    }
    reader.pos = end;
  }

  /** The first pass over a metric's data: what its points mean, and how many there are. */
  #findData(end: number): { temporality: number; monotonic: boolean; points: number } {
    const { reader } = this.#stager.points;
    const data = { temporality: 0, monotonic: false, points: 0 };
    while (reader.pos < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a) {
        reader.pos = reader.payloadEnd(end);
        data.points++;
      } else if (tag === 0x10) data.temporality = reader.varint(end);
      else if (tag === 0x18) data.monotonic = reader.varint(end) !== 0;
      else this.#passUnknown(tag, end, 3);
    }
    return data;
  }

  #declaration(context: number, reader: WireReader, start: number, length: number): number {
    const known = this.#memory.findDeclaration(context, reader.dataView, start, length);
    if (known >= 0) return known;
    this.#stager.checkBody();
    const read = readDeclaration(reader, start, start + length);
    return this.#memory.addDeclaration(context, reader.dataView, start, length, read);
  }

  /** Counts the points of a metric that is not taken, the reader being at its start, and checks its framing. */
  #refuse(refusal: Refusal, points: number, end: number): void {
    const { reader } = this.#stager.points;
    if (!this.#stager.isBodyChecked) checkMessage(reader, METRIC, end, METRIC_DEPTH);
    reader.pos = end;
    this.#batch.clean = false;
    if (refusal === 'unknown') this.#batch.ignored += points;
    else if (points > 0) this.#batch.reject(refusal.reason, refusal.name, points);
  }

  /** Passes over a field of a number above `last`; a lower one has the wrong wire type. */
  #passUnknown(tag: number, end: number, last: number): void {
    if (tag >>> 3 <= last) malformed();
    if ((tag & 7) === BYTES) this.#batch.clean = false;
    this.#stager.points.reader.pass(tag & 7, end);
  }
}

/** What stands around the data of a metric, together in a reader of its own, from 0 on. */
function joined(
  reader: WireReader,
  start: number,
  dataTag: number,
  dataEnd: number,
  end: number,
): readonly [reader: WireReader, from: number, length: number] {
  const around = Buffer.concat([reader.buf.subarray(start, dataTag), reader.buf.subarray(dataEnd, end)]);
  return [new WireReader(around), 0, around.length];
}
