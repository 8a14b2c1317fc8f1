import { fstatSync, readSync, writeSync } from 'node:fs';

/** See https://www.sqlite.org/fileformat2.html#the_write_ahead_log. All numbers of headers are big-endian. */
const LOG_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** Of both headers, those that a checksum covers. */
const CHECKED_LOG_BYTES = 24;
const CHECKED_FRAME_BYTES = 8;
/** The salts stand here in the log's header, and in each of its frames. */
const LOG_SALTS = 16;
const FRAME_SALTS = 8;

/** What the log holds is not what was written into it. */
export class LogError extends Error {
  override readonly name = 'LogError';
}

interface Log {
  readonly file: number;
  readonly header: DataView;
  /** Of one frame. */
  readonly bytes: number;
  /** Frames that there is room for: behind those that were written lately, older ones lie. */
  readonly room: number;
}

function openLog(file: number): Log {
  const header = read(file, 0, LOG_HEADER_BYTES);
  const bytes = FRAME_HEADER_BYTES + header.getUint32(8);
  return { file, header, bytes, room: Math.floor((fstatSync(file).size - LOG_HEADER_BYTES) / bytes) };
}

/**
 * How many frames were written into a log since it was begun anew.
 * @param file descriptor of the log of a database of which nobody else writes
 */
export function framesOf(file: number): number {
  if (fstatSync(file).size < LOG_HEADER_BYTES) return 0;
  const log = openLog(file);
  const isOfNow = (frame: number) => {
    const salts = read(file, LOG_HEADER_BYTES + frame * log.bytes + FRAME_SALTS, 8);
    return [0, 4].every((at) => salts.getUint32(at) === log.header.getUint32(LOG_SALTS + at));
  };
  let [from, to] = [0, log.room];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (isOfNow(middle)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/**
 * Writes what a log holds once more into the same places, so that the system has it to bring onto the disk again.
 * @throws LogError when not all of it can be read any more as it was written; the system's error when it cannot be written
 */
export function writeLogAnew(file: number, frames: number): void {
  for (const frame of framesIn(file, frames)) writeAll(file, frame.bytes, frame.at);
  writeAll(file, read(file, 0, LOG_HEADER_BYTES), 0);
}

/** Writes the pages that a log holds into its database. @throws as `writeLogAnew` does */
export function writePagesAnew(file: number, frames: number, database: number): void {
  for (const { bytes } of framesIn(file, frames)) {
    const page = bytes.getUint32(0);
    const size = bytes.byteLength - FRAME_HEADER_BYTES;
    writeAll(database, new DataView(bytes.buffer, FRAME_HEADER_BYTES, size), (page - 1) * size);
  }
}

/** The frames in their order, each as soon as its checksum, which covers all before it, was found right. */
function* framesIn(file: number, frames: number): Generator<{ readonly bytes: DataView; readonly at: number }> {
  if (frames === 0) return;
  const { header, bytes: frameBytes } = openLog(file);
  const isLittleEndian = (header.getUint32(0) & 1) === 0;
  const sum: [number, number] = [0, 0];
  add(sum, header, 0, CHECKED_LOG_BYTES, isLittleEndian);
  expectSum(sum, header, CHECKED_LOG_BYTES);
  for (let frame = 0; frame < frames; frame++) {
    const at = LOG_HEADER_BYTES + frame * frameBytes;
    const bytes = read(file, at, frameBytes);
    add(sum, bytes, 0, CHECKED_FRAME_BYTES, isLittleEndian);
    add(sum, bytes, FRAME_HEADER_BYTES, frameBytes, isLittleEndian);
    expectSum(sum, bytes, CHECKED_FRAME_BYTES + 8);
    yield { bytes, at };
  }
}

function add(sum: [number, number], bytes: DataView, from: number, to: number, isLittleEndian: boolean): void {
  let [a, b] = sum;
  for (let at = from; at < to; at += 8) {
    a = (a + bytes.getUint32(at, isLittleEndian) + b) >>> 0;
    b = (b + bytes.getUint32(at + 4, isLittleEndian) + a) >>> 0;
  }
  sum[0] = a;
  sum[1] = b;
}

function expectSum([a, b]: readonly [number, number], bytes: DataView, at: number): void {
  if (bytes.getUint32(at) !== a || bytes.getUint32(at + 4) !== b) throw new LogError('a checksum is wrong');
}

function read(file: number, at: number, length: number): DataView {
  const bytes = new DataView(new ArrayBuffer(length));
  if (readSync(file, bytes, 0, length, at) !== length) throw new LogError('it is shorter than it was');
  return bytes;
}

function writeAll(file: number, bytes: DataView, at: number): void {
  if (writeSync(file, bytes, 0, bytes.byteLength, at) !== bytes.byteLength)
    throw new Error('the disk took only a part');
}
