/** Redis commands that are about locks and keys: which ones they are, and what their replies say. The same for all clients. */
import { isReportedAbove } from './layers.ts';
import { type Asked, ask, countRequest, endAttempt, type HeldLock, type Watch } from './watch.ts';

export const REDIS = 'redis';

type Argument = unknown;

/** A command that has been sent, and what its reply will be asked. */
export type Pending = Take | Use;

class Take {
  readonly kind = 'take';
  readonly key: string;
  readonly token: string;
  readonly ttlMs: number | undefined;
  /** `SET … NX GET` answers with what was there before. */
  readonly answersOld: boolean;
  readonly asked: Asked = ask();

  constructor(args: readonly Argument[], ttlMs: number | undefined, answersOld: boolean) {
    this.key = textOf(args[0]);
    this.token = textOf(args[1]);
    this.ttlMs = ttlMs;
    this.answersOld = answersOld;
  }
}

/** Of locks that are held. */
class Use {
  readonly kind: 'delete' | 'expire' | 'script';
  readonly locks: readonly SentLock[];
  /** Their new time to live; undefined when they get none. */
  readonly ttlMs: number | undefined;

  constructor(kind: Use['kind'], locks: readonly SentLock[], ttlMs?: number) {
    this.kind = kind;
    this.locks = locks;
    this.ttlMs = ttlMs;
  }
}

/** A held lock that a command names, and whether it had expired before the command was sent. */
class SentLock {
  readonly key: string;
  readonly lock: HeldLock;
  readonly wasExpired: boolean;

  constructor(key: string, lock: HeldLock) {
    this.key = key;
    this.lock = lock;
    this.wasExpired = isExpired(lock, performance.now());
  }
}

type Observer = (watch: Watch, args: readonly Argument[]) => Pending | undefined;

const observers: ReadonlyMap<string, Observer> = new Map<string, Observer>([
  ['set', observeSet],
  ['setnx', (_, args) => new Take(args, undefined, false)],
  ['del', observeDelete],
  ['unlink', observeDelete],
  ['pexpire', (watch, args) => observeExpire(watch, args, 1)],
  ['expire', (watch, args) => observeExpire(watch, args, 1000)],
  ['eval', observeScript],
  ['evalsha', observeScript],
  ['fcall', observeScript],
]);

function observerOf(name: string): Observer | undefined {
  return observers.get(name) ?? observers.get(name.toLowerCase());
}

/** Whether commands of this name, in whatever case, are looked at. */
export function isWatched(name: string): boolean {
  return observerOf(name) !== undefined;
}

/**
 * Looks at a command before it is sent.
 * @param args what follows the command's name
 * @returns what to tell its reply or error to; undefined when it is none of ours
 */
export function observeCommand(watch: Watch, name: string, args: readonly Argument[]): Pending | undefined {
  const observer = observerOf(name);
  return observer === undefined || isReportedAbove() ? undefined : observer(watch, args);
}

function observeSet(_: Watch, args: readonly Argument[]): Pending | undefined {
  let isNew = false;
  let answersOld = false;
  let ttlMs: number | undefined;
  for (let i = 2; i < args.length; i++) {
    const option = textOf(args[i]).toUpperCase();
    if (option === 'NX') isNew = true;
    else if (option === 'GET') answersOld = true;
    else if (option === 'PX') ttlMs = Number(textOf(args[++i]));
    else if (option === 'EX') ttlMs = Number(textOf(args[++i])) * 1000;
    else if (option === 'PXAT') ttlMs = Number(textOf(args[++i])) - Date.now();
    else if (option === 'EXAT') ttlMs = Number(textOf(args[++i])) * 1000 - Date.now();
  }
  return isNew ? new Take(args, ttlMs, answersOld) : undefined;
}

function observeDelete(watch: Watch, args: readonly Argument[]): Pending | undefined {
  const locks = heldAmong(watch, args);
  return locks.length === 0 ? undefined : new Use('delete', locks);
}

function observeExpire(watch: Watch, args: readonly Argument[], unitMs: number): Pending | undefined {
  const locks = heldAmong(watch, args.slice(0, 1));
  return locks.length === 0 ? undefined : new Use('expire', locks, Number(textOf(args[1])) * unitMs);
}

/** A script that is given a held key and its token is one that releases or renews the lock. */
function observeScript(watch: Watch, args: readonly Argument[]): Pending | undefined {
  if (watch.held.size === 0) return undefined;
  const keys = Number(textOf(args[1]));
  if (!(keys > 0)) return undefined;
  const given = args.slice(2 + keys).map(textOf);
  const locks = heldAmong(watch, args.slice(2, 2 + keys)).filter(({ lock }) => given.includes(lock.token));
  if (locks.length === 0) return undefined;
  return new Use('script', locks, ttlOf(textOf(args[0]), given, locks[0]!.lock.token));
}

/** The new time to live that a script sets; undefined when it releases. A script known by its digest alone is judged by what it is given. */
function ttlOf(script: string, given: readonly string[], token: string): number | undefined {
  const expires = /\bp?expire\b/i.exec(script)?.[0];
  if (expires === undefined && /\b(?:del|unlink)\b/i.test(script)) return undefined;
  const ttl = given.find((value) => value !== token && /^[1-9]\d*$/.test(value));
  if (ttl === undefined) return undefined;
  return Number(ttl) * (expires?.toLowerCase() === 'expire' ? 1000 : 1);
}

function heldAmong(watch: Watch, keys: readonly Argument[]): SentLock[] {
  if (watch.held.size === 0) return [];
  return keys.map((argument) => sentLock(watch, textOf(argument))).filter((sent) => sent !== undefined);
}

function sentLock(watch: Watch, key: string): SentLock | undefined {
  const lock = watch.held.get(key);
  return lock && new SentLock(key, lock);
}

/** Its time began before its reply was here, so that an expiry by this clock is one by the server's. */
function isExpired({ expiresMs }: HeldLock, nowMs: number): boolean {
  return expiresMs !== undefined && nowMs > expiresMs;
}

/** Tells what a command got. */
export function settleCommand(watch: Watch, pending: Pending, reply: unknown): void {
  // Inside MULTI, and its EXEC was not seen: nothing is known.
  if (isText(reply, 'QUEUED')) return;
  if (pending.kind === 'take') settleTake(watch, pending, reply);
  else if (pending.kind === 'delete') settleDelete(watch, pending.locks, Number(reply));
  else settleScript(watch, pending, isYes(reply));
}

function settleTake(watch: Watch, pending: Take, reply: unknown): void {
  const got = pending.answersOld ? reply === null : isText(reply, 'OK') || Number(reply) === 1;
  const { key, asked, token, ttlMs } = pending;
  const { kind, task, scope } = watch.names.nameOf(key);
  if (kind === 'ignore') return;
  if (kind === 'dedup') {
    watch.telemetry.check(REDIS, performance.now() - asked.startMs);
    countRequest(watch, { key, task, scope, http: asked.request }, got ? 'executed' : 'prevented');
  } else {
    endAttempt(
      watch,
      asked,
      { key, system: REDIS, task },
      got ? 'acquired' : 'held',
      got ? { token, ttlMs } : undefined,
    );
  }
}

/** @param deleted how many of the command's keys were there */
function settleDelete(watch: Watch, locks: readonly SentLock[], deleted: number): void {
  let left = deleted;
  for (const sent of locks) {
    // What had expired and is there all the same is somebody else's by now. Among several keys it is not known which.
    if (sent.wasExpired) endHold(watch, sent, left > 0 && locks.length === 1 ? 'lost' : 'expired');
    else endHold(watch, sent, left-- > 0 ? 'released' : 'expired');
  }
}

function settleScript(watch: Watch, { locks, ttlMs }: Use, done: boolean): void {
  for (const sent of locks) {
    if (ttlMs !== undefined) {
      watch.telemetry.lockRenewal(sent.lock.system, done ? 'renewed' : 'lost');
      if (done) sent.lock.expiresMs = performance.now() + ttlMs;
    }
    if (!done) endHold(watch, sent, sent.wasExpired ? 'expired' : 'lost');
    else if (ttlMs === undefined) endHold(watch, sent, 'released');
  }
}

function endHold(watch: Watch, { key, lock }: SentLock, release: 'released' | 'expired' | 'lost'): void {
  // Released twice, or taken anew meanwhile.
  if (watch.held.get(key) !== lock) return;
  watch.held.take(key);
  watch.telemetry.lockReleased(lock.system, lock.task, release, performance.now() - lock.sinceMs);
}

/** Tells that a command ended in an error. A lock that could not be released stays held until it is heard of again. */
export function failCommand(watch: Watch, pending: Pending, error: unknown): void {
  if (pending.kind !== 'take' || isRedirection(error)) return;
  const { kind, task } = watch.names.nameOf(pending.key);
  if (kind === 'lock') endAttempt(watch, pending.asked, { key: pending.key, system: REDIS, task }, 'error');
}

/** A cluster says where to ask instead, and the client does. */
function isRedirection(error: unknown): boolean {
  return error instanceof Error && /^(?:MOVED|ASK|TRYAGAIN) /.test(error.message);
}

function isText(value: unknown, text: string): boolean {
  if (typeof value === 'string') return value === text;
  return value instanceof Uint8Array && value.length === text.length && textOf(value) === text;
}

/** What scripts answer when they did it: anything but nil, 0, false and negative numbers. */
function isYes(reply: unknown): boolean {
  if (reply === null || reply === undefined || reply === false) return false;
  const number = Number(reply instanceof Uint8Array ? textOf(reply) : reply);
  return !(number <= 0);
}

function textOf(value: Argument): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString();
  return String(value);
}
