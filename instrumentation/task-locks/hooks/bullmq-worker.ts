/** BullMQ 5 and 6, working: a worker takes a job's lock together with the job, renews it, and gives it back with the job. */
import { observe, type Watch } from '../watch.ts';
import { wrapMethod } from './prototype.ts';

const SYSTEM = 'bullmq';
/** BullMQ's own time of a lock. */
const DEFAULT_LOCK_MS = 30_000;

interface Worker {
  readonly name: string;
  readonly qualifiedName?: string;
  readonly opts?: { readonly lockDuration?: number };
}

interface Job {
  readonly id?: string;
}

/** Told of an event with what follows its name. */
type Told = (watch: Watch, worker: Worker, value: unknown) => void;

const told: Readonly<Record<string, Told>> = {
  active: (watch, worker, job) => {
    const task = watch.names.limit(worker.name);
    watch.telemetry.lockTakenWithJob({ system: SYSTEM, task });
    const held = { system: SYSTEM, task, sinceMs: performance.now(), expiresMs: undefined, token: '', span: undefined };
    watch.held.set(keyOf(worker, (job as Job).id), held);
  },
  completed: (watch, worker, job) => end(watch, worker, job as Job | undefined),
  failed: (watch, worker, job) => end(watch, worker, job as Job | undefined),
  locksRenewed: (watch, _, renewed) => {
    const { count } = renewed as { readonly count: number };
    for (let i = 0; i < count; i++) watch.telemetry.lockRenewal(SYSTEM, 'renewed');
  },
  lockRenewalFailed: (watch, worker, ids) => {
    for (const id of ids as readonly string[]) {
      watch.telemetry.lockRenewal(SYSTEM, 'lost');
      // Whoever finds the job stalled counts the end of its lock.
      watch.held.take(keyOf(worker, id));
    }
  },
  stalled: (watch, worker, id) => {
    const held = watch.held.take(keyOf(worker, id as string));
    // A worker that is gone does not tell how long it held it: at least for the time of a lock.
    const heldMs = held ? performance.now() - held.sinceMs : (worker.opts?.lockDuration ?? DEFAULT_LOCK_MS);
    watch.telemetry.lockReleased(SYSTEM, watch.names.limit(worker.name), 'expired', heldMs);
  },
};

export function patchWorker(watch: Watch, prototype: object | undefined): void {
  wrapMethod(
    watch,
    prototype,
    'emit',
    (emit) =>
      function (this: unknown, ...args) {
        const [event, value] = args;
        if (typeof event === 'string' && Object.hasOwn(told, event))
          observe(watch, 'a worker', () => told[event]!(watch, this as Worker, value));
        return emit.apply(this, args);
      },
  );
}

function end(watch: Watch, worker: Worker, job: Job | undefined): void {
  const held = job === undefined ? undefined : watch.held.take(keyOf(worker, job.id));
  if (held !== undefined) watch.telemetry.lockReleased(SYSTEM, held.task, 'released', performance.now() - held.sinceMs);
}

function keyOf(worker: Worker, id: string | undefined): string {
  return `bullmq:${worker.qualifiedName ?? worker.name}:${id}`;
}
