import { type Door, OPEN_DOOR } from './attributes.ts';
import { PointBatch } from './batch.ts';
import type { Identities } from './identity.ts';
import { Fields, JsonCursor, OPEN_BRACE, OPEN_BRACKET } from './json-cursor.ts';
import {
  attributesOf,
  hasOnlyAttributes,
  listOf,
  malformedJson,
  objectOf,
  temporalityOf,
  textOf,
} from './json-reader.ts';
import { JsonStager } from './json-stager.ts';
import {
  EXPONENTIAL_DATA,
  GAUGE_DATA,
  HISTOGRAM_DATA,
  isRefusal,
  judgeMetric,
  type Refusal,
  SUM_DATA,
  SUMMARY_DATA,
} from './judgement.ts';
import { declarationContext, Memory, type Sender, type SentMetric } from './senders.ts';
import { located } from './unreadable.ts';

/** Numbers of fields. The first of ResourceMetrics and ScopeMetrics tells whose the second are. */
const HEAD = 0;
const PARTS = 1;
const NAME = 0;
const UNIT = 1;
const DESCRIPTION = 2;
/** OTLP's field numbers of a Metric's data, from the first of them on. */
const FIRST_DATA = 3;
const DATA = [SUM_DATA, HISTOGRAM_DATA, EXPONENTIAL_DATA, GAUGE_DATA, SUMMARY_DATA];
const TEMPORALITY = 0;
const MONOTONIC = 1;

/** What is read of a metric before its points. */
interface Declared {
  readonly sender: Sender;
  readonly scope: number;
  /** Numbers of texts in the memory. */
  name: number;
  unit: number;
}

/**
 * Reads the metrics of OTLP/JSON bodies into batches, with the same checks as protobuf, from the bytes and without an
 * object a point. A body is read once when everything in it is known. Else it is read to its end before anything gets a
 * number, so that one that cannot be read leaves no trace, and then once more. Where the parts of a message stand before
 * what tells whose they are, they are passed over and read afterwards.
 */
export class JsonMetricsDecoder {
  readonly #identities: Identities;
  readonly #door: Door;
  readonly #cursor = new JsonCursor();
  readonly #stager: JsonStager;
  readonly #request = new Fields('resourceMetrics');
  readonly #resource = new Fields('resource', 'scopeMetrics', 'schemaUrl');
  readonly #scope = new Fields('scope', 'metrics', 'schemaUrl');
  readonly #metric = new Fields(
    'name',
    'unit',
    'description',
    'sum',
    'histogram',
    'exponentialHistogram',
    'gauge',
    'summary',
  );
  readonly #data = new Fields('aggregationTemporality', 'isMonotonic', 'dataPoints');
  /** The numbers of name and unit, as bytes: what a declaration is remembered by. */
  readonly #nameAndUnit = new DataView(new ArrayBuffer(8));
  #memory: Memory;
  #batch = new PointBatch();

  constructor(identities: Identities, door: Door = OPEN_DOOR) {
    this.#identities = identities;
    this.#door = door;
    this.#memory = new Memory(identities, door);
    this.#stager = new JsonStager(identities, door, this.#memory, this.#cursor);
  }

  /** See `MetricsDecoder.decode`. @throws BodyError 'malformed': the batch is then empty */
  decode(body: Uint8Array, batch: PointBatch): void {
    if (this.#memory.isSpent) this.#memory = new Memory(this.#identities, this.#door);
    this.#batch = batch;
    this.#stager.open(batch, this.#memory);
    try {
      this.#read(body, false);
      if (!this.#stager.hasNew) return;
      batch.reset();
      this.#read(body, true);
    } catch (error) {
      batch.reset();
      throw located(error, body, 'json', this.#cursor.pos);
    } finally {
      this.#cursor.close();
    }
  }

  #read(body: Uint8Array, mayAdd: boolean): void {
    const cursor = this.#cursor;
    this.#stager.mayAdd = mayAdd;
    this.#stager.hasNew = false;
    cursor.open(body);
    if (cursor.isNull()) malformedJson();
    let isRead = false;
    this.#message(this.#request, () => {
      isRead = true;
      this.#list(() => this.#resourceMetrics());
    });
    cursor.end();
    // Only unknown fields make a body unclean that was not read.
    this.#batch.isForeign = !isRead && !this.#batch.clean;
  }

  /** Reads the message here. @param visit reads the value of a known field */
  #message(fields: Fields, visit: (field: number) => void): void {
    const cursor = this.#cursor;
    if (!cursor.enters(OPEN_BRACE)) return;
    let seen = 0;
    for (let field = cursor.nextField(fields, -1); field >= 0; field = cursor.nextField(fields, field)) {
      if (field === fields.unknown) {
        cursor.value();
        this.#batch.clean = false;
        continue;
      }
      // Readers disagree on which of two counts.
      if ((seen & (1 << field)) !== 0) malformedJson();
      seen |= 1 << field;
      visit(field);
    }
  }

  /** Reads the list here. */
  #list(visit: () => void): void {
    const cursor = this.#cursor;
    if (!cursor.enters(OPEN_BRACKET)) return;
    for (let more = cursor.nextItem(true); more; more = cursor.nextItem(false)) visit();
  }

  /** Reads what stands at an earlier index, and goes on where the cursor is. */
  #later(start: number, read: () => void): void {
    const { pos } = this.#cursor;
    this.#cursor.pos = start;
    read();
    this.#cursor.pos = pos;
  }

  /** ResourceMetrics and ScopeMetrics: one message that tells whose the others are, and those others. */
  #grouped(fields: Fields, headed: (start: number, length: number) => () => void): void {
    const cursor = this.#cursor;
    let head = -1;
    let length = 0;
    let parts = -1;
    let isRead = false;
    this.#message(fields, (field) => {
      if (field === HEAD) {
        head = cursor.pass();
        length = cursor.pos - head;
      } else if (field !== PARTS) this.#text();
      else if (!cursor.isNull()) {
        isRead = head >= 0;
        if (isRead) this.#list(headed(head, length));
        else parts = cursor.pass();
      }
    });
    if (!isRead && parts >= 0) this.#later(parts, () => this.#list(headed(Math.max(0, head), length)));
    else if (!isRead) {
      if (head >= 0) objectOf(cursor.parse(head, head + length));
      this.#batch.clean = false;
    }
  }

  #resourceMetrics(): void {
    this.#grouped(this.#resource, (start, length) => {
      const sender = this.#sender(start, length);
      return () => this.#scopeMetrics(sender);
    });
  }

  #scopeMetrics(sender: Sender): void {
    this.#grouped(this.#scope, (start, length) => {
      const scope = this.#scopeOf(sender.service, start, length);
      return () => this.#metricOf({ sender, scope, name: -1, unit: -1 });
    });
  }

  #sender(start: number, length: number): Sender {
    const { view } = this.#cursor;
    let sender = this.#memory.findSender(view, start, length);
    if (sender === undefined) {
      const { attributes, hasUnknown } = this.#head(start, length, ['attributes']);
      this.#stager.hasNew = true;
      if (!this.#stager.mayAdd) return UNNUMBERED;
      sender = this.#memory.addSender(view, start, length, { attributes, hasUnknown });
    }
    if (!sender.clean) this.#batch.clean = false;
    return sender;
  }

  #scopeOf(service: number, start: number, length: number): number {
    const { view } = this.#cursor;
    let scope = this.#memory.findScope(service, view, start, length);
    if (scope < 0) {
      const read = this.#head(start, length, ['name', 'version', 'attributes']);
      const { name, version } = read.message;
      const texts = { name: textOf(name), version: textOf(version) };
      this.#stager.hasNew = true;
      if (!this.#stager.mayAdd) return -1;
      scope = this.#memory.addScope(service, view, start, length, { ...read, ...texts });
    }
    if (!this.#memory.isScopeClean(scope)) this.#batch.clean = false;
    return scope;
  }

  /** A Resource or an InstrumentationScope. @param known names of its fields in which nothing is hidden */
  #head(start: number, length: number, known: readonly string[]) {
    if (length === 0) return { message: {}, attributes: [], hasUnknown: false };
    const message = objectOf(this.#cursor.parse(start, start + length));
    const attributes = attributesOf(message['attributes']);
    const isKnown = ([name, value]: [string, unknown]) =>
      known.includes(name) || (name === 'droppedAttributesCount' && typeof value === 'number');
    // A name that stands twice is lost when the text is parsed.
    const isWhole =
      Object.entries(message).every(isKnown) &&
      hasOnlyAttributes(message['attributes']) &&
      JSON.stringify(message) === this.#cursor.text(start, start + length);
    return { message, attributes, hasUnknown: !isWhole };
  }

  /** The text here, as its number in the memory: it then says whether it is clean. */
  #text(): number {
    const cursor = this.#cursor;
    const start = cursor.pass();
    const length = cursor.pos - start;
    const known = this.#memory.findText(cursor.view, start, length);
    const text =
      known >= 0
        ? known
        : this.#memory.addText(cursor.view, start, length, textOf(cursor.parse(start, start + length)));
    if (!this.#memory.isTextClean(text)) this.#batch.clean = false;
    return text;
  }

  #metricOf(declared: Declared): void {
    const cursor = this.#cursor;
    let data = -1;
    let dataStart = -1;
    this.#message(this.#metric, (field) => {
      if (field === NAME) declared.name = this.#text();
      else if (field === UNIT) declared.unit = this.#text();
      else if (field === DESCRIPTION) this.#text();
      else if (!cursor.isNull()) {
        if (data >= 0) malformedJson();
        data = DATA[field - FIRST_DATA];
        if (declared.name >= 0 && declared.unit >= 0) this.#dataOf(declared, data);
        else dataStart = cursor.pass();
      }
    });
    if (dataStart >= 0) this.#later(dataStart, () => this.#dataOf(declared, data));
    else if (data < 0) this.#batch.clean = false;
  }

  #dataOf(declared: Declared, data: number): void {
    const cursor = this.#cursor;
    let temporality = -1;
    let monotonic: boolean | undefined;
    let points = -1;
    let isRead = false;
    const read = () => this.#points(declared, data, Math.max(0, temporality), monotonic ?? false);
    this.#message(this.#data, (field) => {
      if (field === TEMPORALITY) temporality = temporalityOf(cursor.value());
      else if (field === MONOTONIC) monotonic = cursor.value() === true;
      else if (temporality >= 0 && (monotonic !== undefined || data !== SUM_DATA)) {
        isRead = true;
        read();
      } else points = cursor.pass();
    });
    if (points >= 0) this.#later(points, read);
    else if (!isRead) this.#batch.clean = false;
  }

  /** The list of points here. */
  #points(declared: Declared, data: number, temporality: number, monotonic: boolean): void {
    const cursor = this.#cursor;
    const judged = this.#judge(declared, data, temporality, monotonic);
    if (!isRefusal(judged)) {
      if (cursor.enters(OPEN_BRACKET)) this.#stager.stage(judged);
      return;
    }
    const points = listOf(cursor.value()).length;
    this.#batch.clean = false;
    if (judged === 'unknown') this.#batch.ignored += points;
    else if (points > 0) this.#batch.reject(judged.reason, judged.name, points);
  }

  #judge(declared: Declared, data: number, temporality: number, monotonic: boolean): SentMetric | Refusal {
    const { sender, scope } = declared;
    const memory = this.#memory;
    const bytes = this.#nameAndUnit;
    bytes.setInt32(0, declared.name);
    bytes.setInt32(4, declared.unit);
    const context = declarationContext(scope, data, temporality, monotonic);
    let declaration = memory.findDeclaration(context, bytes, 0, bytes.byteLength);
    if (declaration < 0) {
      const [name, unit] = [memory.textOf(declared.name), memory.textOf(declared.unit)];
      this.#stager.hasNew = true;
      if (!this.#stager.mayAdd) {
        const judged = judgeMetric({ name, unit, scope: '', data, temporality, monotonic });
        return isRefusal(judged) ? judged : memory.sentMetric({ ...UNNUMBERED, metrics: new Map() }, -1, judged);
      }
      const read = { name, unit, description: '', hasUnknown: false };
      declaration = memory.addDeclaration(context, bytes, 0, bytes.byteLength, read);
    }
    const { judged } = memory.declaration(declaration);
    return isRefusal(judged) ? judged : memory.sentMetric(sender, declaration, judged);
  }
}

/** Stands for a resource while nothing may get a number. */
const UNNUMBERED: Sender = { instance: -1, service: -1, clean: true, metrics: new Map() };
