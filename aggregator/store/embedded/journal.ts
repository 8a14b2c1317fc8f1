import {
  closeSync,
  copyFileSync,
  existsSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rm,
  rmSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** What a record of the journal holds. */
export const METRICS_PROTOBUF = 1;
export const METRICS_PROTOBUF_GZIP = 2;
export const METRICS_JSON = 3;
export const METRICS_JSON_GZIP = 4;
/** Points of a body that held strings not known to be clean: `encodeBatch`. */
export const POINTS = 5;
/** Mutation spans that were kept, as JSON. */
export const SPANS = 6;

export interface JournalRecord {
  readonly kind: number;
  /** When it was received, Unix ms. */
  readonly receivedMs: number;
  readonly body: Uint8Array;
}

/** What a journal file was found to hold. */
export interface JournalContent {
  readonly records: number;
  /** Bytes behind the last whole record: of a record that was being written when the process died. */
  readonly tornBytes: number;
  /** Bytes between whole records that are none: what was acknowledged lay there, and the disk did not keep it. */
  readonly damagedBytes: number;
}

/**
 * When what was received is forced onto the disk, so that it survives the loss of power and not only the end of the
 * process: before each answer, some times a second, or when the operating system sees fit.
 */
export type FsyncPolicy = 'each' | 'grouped' | 'never';

/** With 'grouped', a loss of power costs at most what came in during this time. */
const GROUP_MS = 200;

const FILE_NAME = /^journal-(\d{10})\.log$/;
/** Length of the body u32, crc32 of the rest u32, kind u8, received f64. */
const HEADER_BYTES = 17;
/** Space that must be there before a disk that refused a record is believed again: one ordinary body. */
const PROBE_BYTES = 256 * 1024;
/** No record was received outside of these. While a damaged file is searched this spares checksums. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
const LATEST_MS = Date.UTC(2200, 0, 1);

function fileName(sequence: number): string {
  return `journal-${String(sequence).padStart(10, '0')}.log`;
}

/**
 * What was received since the last checkpoint, record by record, in numbered files. A record is in the operating
 * system's hands when `append` returns: it survives the death of the process. When it survives the machine's, the policy says.
 */
export class Journal {
  readonly #directory: string;
  #fd = -1;
  #sequence = 0;
  #size = 0;
  #syncIsDue: NodeJS.Timeout | undefined;
  /** Whether the present file is being forced onto the disk. */
  #isSyncing = false;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  readonly #fsync: FsyncPolicy;
  readonly #onError: (error: Error) => void;

  /** @param onError called when a file could not be forced onto the disk after its records were acknowledged */
  constructor(directory: string, fsync: FsyncPolicy, onError: (error: Error) => void) {
    this.#directory = directory;
    this.#fsync = fsync;
    this.#onError = onError;
  }

  /** Bytes of the present file. */
  get size(): number {
    return this.#size;
  }

  /** Number of the present file. */
  get sequence(): number {
    return this.#sequence;
  }

  /** A number above those of all files. */
  #nextSequence(): number {
    return Math.max(0, this.#sequence, ...this.files()) + 1;
  }

  /** Begins a new file, unless the present one is empty: that one is then made anew. */
  begin(): void {
    const sequence = this.#fd >= 0 && this.#size === 0 ? this.#sequence : this.#nextSequence();
    const fd = openSync(join(this.#directory, fileName(sequence)), 'w', 0o600);
    try {
      if (this.#fsync === 'each') syncDirectory(this.#directory);
      if (this.#fsync === 'grouped') this.#syncDirectorySoon();
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.close();
    this.#fd = fd;
    this.#sequence = sequence;
    this.#size = 0;
  }

  /** Whether the disk takes records again. @throws the system's error when it does not */
  probe(): void {
    try {
      const written = writeSync(this.#fd, Buffer.alloc(PROBE_BYTES), 0, PROBE_BYTES, this.#size);
      if (written !== PROBE_BYTES) throw new Error('the disk has no room for a record');
      if (this.#fsync === 'never') return;
      fsyncSync(this.#fd);
      syncDirectory(this.#directory);
    } finally {
      ftruncateSync(this.#fd, this.#size);
    }
  }

  /** @throws the system's error; nothing of the record is then kept */
  append(kind: number, receivedMs: number, body: Uint8Array): void {
    const header = this.#header;
    header.writeUInt32LE(body.byteLength, 0);
    header.writeUInt8(kind, 8);
    header.writeDoubleLE(receivedMs, 9);
    header.writeUInt32LE(crc32(body, crc32(header.subarray(8))), 4);
    const length = HEADER_BYTES + body.byteLength;
    try {
      const written = writevSync(this.#fd, [header, body], this.#size);
      if (written !== length) throw new Error('the disk took only a part of the record');
      if (this.#fsync === 'each') fsyncSync(this.#fd);
    } catch (error) {
      ftruncateSync(this.#fd, this.#size);
      throw error;
    }
    this.#size += length;
    if (this.#fsync === 'grouped') this.#syncIsDue ??= setTimeout(() => this.#sync(), GROUP_MS);
  }

  /** Ends the present file. What it holds is in a checkpoint, or is replayed. */
  close(): void {
    const fd = this.#fd;
    const isNotSynced = this.#syncIsDue !== undefined || this.#isSyncing;
    clearTimeout(this.#syncIsDue);
    this.#syncIsDue = undefined;
    this.#isSyncing = false;
    this.#fd = -1;
    // Its last records must not wait for a checkpoint that may fail, and its number must not become another file's.
    if (fd >= 0 && isNotSynced) fsync(fd, () => closeSync(fd));
    else if (fd >= 0) closeSync(fd);
  }

  /** The name of a new file lasts as long as its content, and nobody waits for it. */
  #syncDirectorySoon(): void {
    if (process.platform === 'win32') return;
    const fd = openSync(this.#directory, 'r');
    fsync(fd, (error) => {
      closeSync(fd);
      if (error !== null) this.#onError(error);
    });
  }

  #sync(): void {
    this.#syncIsDue = undefined;
    const sequence = this.#sequence;
    this.#isSyncing = true;
    fsync(this.#fd, (error) => {
      // A file that was ended meanwhile is in a checkpoint, which is brought onto the disk.
      if (sequence !== this.#sequence) return;
      this.#isSyncing = false;
      if (error !== null) this.#onError(error);
    });
  }

  /** Whether the present file can still be found by its name. */
  get isInPlace(): boolean {
    return existsSync(join(this.#directory, fileName(this.#sequence)));
  }

  /** Numbers of the files in the directory, ascending. */
  files(): number[] {
    const numbers = readdirSync(this.#directory).map((name) => FILE_NAME.exec(name)?.[1]);
    return numbers
      .filter((digits) => digits !== undefined)
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** @param isAtOnce whether the file must be gone when this returns; a large one takes some ms */
  remove(sequence: number, isAtOnce: boolean): void {
    const path = join(this.#directory, fileName(sequence));
    if (isAtOnce) rmSync(path, { force: true });
    // One that stays is older than the checkpoint, and goes with the next.
    else rm(path, { force: true }, () => {});
  }

  /** Keeps a copy of a file with damage for whoever wants to look into it, in the place of an earlier one. @returns where */
  copyAside(sequence: number): string {
    const aside = join(this.#directory, 'damaged-journal.log');
    copyFileSync(join(this.#directory, fileName(sequence)), aside);
    return aside;
  }

  /** Shows every whole record of a file, in order. What is no whole record is passed over. */
  replay(sequence: number, visit: (record: JournalRecord) => void): JournalContent {
    const bytes = readFileSync(join(this.#directory, fileName(sequence)));
    let end = 0;
    let records = 0;
    let damagedBytes = 0;
    for (let at = nextRecord(bytes, 0); at < bytes.length; at = nextRecord(bytes, end)) {
      damagedBytes += at - end;
      end = at + HEADER_BYTES + bytes.readUInt32LE(at);
      visit({
        kind: bytes.readUInt8(at + 8),
        receivedMs: bytes.readDoubleLE(at + 9),
        body: bytes.subarray(at + HEADER_BYTES, end),
      });
      records++;
    }
    return { records, damagedBytes, tornBytes: bytes.length - end };
  }
}

/** Where the next whole record begins, at `from` or behind it; the length of the file when there is none. */
function nextRecord(bytes: Buffer, from: number): number {
  for (let at = from; at + HEADER_BYTES <= bytes.length; at++) {
    const kind = bytes.readUInt8(at + 8);
    const end = at + HEADER_BYTES + bytes.readUInt32LE(at);
    if (kind < METRICS_PROTOBUF || kind > SPANS || end > bytes.length) continue;
    const receivedMs = bytes.readDoubleLE(at + 9);
    if (!(receivedMs > EARLIEST_MS && receivedMs < LATEST_MS)) continue;
    if (crc32(bytes.subarray(at + 8, end)) === bytes.readUInt32LE(at + 4)) return at;
  }
  return bytes.length;
}

/** Makes the names of new files as lasting as their content. Windows has no such thing. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
