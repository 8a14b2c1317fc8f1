/**
 * BullMQ 5 and 6, adding: jobs with an id or a deduplication id of the application's. The queue answers a duplicate with the
 * id of the job that is there, which alone does not tell; so one look at the key is sent in the same tick before the
 * script that adds. Nothing is sent for other jobs.
 */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { countRequest, observe, type Watch } from '../watch.ts';
import { patchWorker } from './bullmq-worker.ts';
import { type Method, patchedModule, prototypeOf, wrapMethod } from './prototype.ts';

/** As much of a job as is used here. */
interface Job {
  readonly name: string;
  readonly deduplicationId?: string | undefined;
  readonly repeatJobKey?: string | undefined;
  readonly opts?: JobOptions | undefined;
}

interface JobOptions {
  readonly jobId?: string | undefined;
  readonly repeat?: unknown;
  readonly deduplication?: { readonly id?: string; readonly replace?: boolean } | undefined;
}

/** Redis keys of a queue by their last part; the empty one ends in a colon. */
interface QueueKeys {
  readonly ['']: string;
  readonly de: string;
}

interface Client {
  get?(key: string): Promise<unknown>;
  exists?(key: string): Promise<unknown>;
  duplicate?: unknown;
}

interface Queue {
  readonly keys: QueueKeys;
  readonly client: Promise<Client>;
}

/** What is asked before a job is added; undefined answers where a look failed. */
interface Look {
  readonly job: Job;
  readonly key: string;
  readonly queueKey: string;
  readonly deduplicated: Promise<unknown> | undefined;
  readonly exists: Promise<unknown> | undefined;
}

export function bullmqHook(watch: Watch): InstrumentationModuleDefinition {
  return patchedModule(watch, 'bullmq', ['>=5 <7'], (exports) => {
    const { Job: job } = exports as { readonly Job?: object };
    const scripts = prototypeOf(exports, 'Scripts');
    // Version 5 adds with its scripts, version 6 with what stands behind a queue.
    if (typeof scripts?.['addJob'] === 'function') {
      wrapMethod(watch, scripts, 'addJob', observedAdd(watch, 3));
      wrapMethod(watch, job, 'createBulk', observedCreateBulk(watch));
    } else {
      const backend = prototypeOf(exports, 'RedisQueueBackend');
      wrapMethod(watch, backend, 'addJobToTransaction', observedAdd(watch, 2));
      wrapMethod(watch, backend, 'addJobs', observedAddJobs(watch));
      wrapMethod(watch, backend, 'addFlow', observedAddFlow(watch));
    }
    patchWorker(watch, prototypeOf(exports, 'Worker'));
  });
}

/** One job on the queue's own connection; what is put into a pipeline is seen where the pipeline is made. */
function observedAdd(watch: Watch, idPosition: number): (original: Method) => Method {
  return (add) =>
    function (this: unknown, ...args) {
      const [client, job] = args as [Client, Job];
      const { keys } = (this as { readonly queue: Queue }).queue;
      const own = idPosition === 2 ? ((args[4] as QueueKeys | undefined) ?? keys) : keys;
      const look = isClient(client) ? lookFor(watch, client, own, job, args[idPosition]) : undefined;
      const result = add.apply(this, args) as Promise<unknown>;
      if (look !== undefined)
        result.then(
          (id) => report(watch, [look], [id]),
          () => {},
        );
      return result;
    };
}

function observedAddJobs(watch: Watch): (original: Method) => Method {
  return (addJobs) =>
    async function (this: unknown, ...args) {
      const entries = args[0] as readonly { readonly job: Job; readonly jobId?: string }[];
      const { queue } = this as { readonly queue: Queue };
      const looks = await lookForAll(watch, queue, entries, ({ job, jobId }) => [queue.keys, job, jobId]);
      const ids = await addJobs.apply(this, args);
      report(watch, looks, ids as readonly unknown[]);
      return ids;
    };
}

function observedCreateBulk(watch: Watch): (original: Method) => Method {
  return (createBulk) =>
    async function (this: unknown, ...args) {
      const [queue, jobs] = args as [Queue, readonly { readonly name: string; readonly opts?: JobOptions }[]];
      const looks = await lookForAll(watch, queue, jobs, ({ name, opts }) => [
        queue.keys,
        { name, opts, deduplicationId: opts?.deduplication?.id },
        opts?.jobId,
      ]);
      const made = await createBulk.apply(this, args);
      report(
        watch,
        looks,
        (made as readonly { readonly id?: string }[]).map(({ id }) => id),
      );
      return made;
    };
}

interface FlowEntry {
  readonly jobData: Job;
  readonly jobId?: string;
  readonly prefix: string;
  readonly queueName: string;
}

function observedAddFlow(watch: Watch): (original: Method) => Method {
  return (addFlow) =>
    async function (this: unknown, ...args) {
      const entries = args[0] as readonly FlowEntry[];
      const { queue } = this as { readonly queue: Queue };
      const looks = await lookForAll(watch, queue, entries, ({ jobData, jobId, prefix, queueName }) => {
        const base = `${prefix}:${queueName}:`;
        return [{ '': base, de: `${base}de` }, jobData, jobId];
      });
      const results = await addFlow.apply(this, args);
      report(
        watch,
        looks,
        (results as readonly (readonly [unknown, unknown])[]).map(([error, id]) => (error ? undefined : id)),
      );
      return results;
    };
}

/** A pipeline has the commands too, and answers none of them. */
function isClient(client: Client): boolean {
  return typeof client.duplicate === 'function';
}

type Looks = readonly (Look | undefined)[];

async function lookForAll<Entry>(
  watch: Watch,
  queue: Queue,
  entries: readonly Entry[],
  read: (entry: Entry) => [QueueKeys, Job, string | undefined],
): Promise<Looks> {
  const asked = entries.map(read);
  if (!asked.some(([, job, jobId]) => hasKey(job, jobId))) return [];
  try {
    const client = await queue.client;
    return asked.map(([keys, job, jobId]) => lookFor(watch, client, keys, job, jobId));
  } catch {
    // No connection: adding fails by itself, and says so.
    return [];
  }
}

function hasKey({ deduplicationId, repeatJobKey, opts }: Job, jobId: unknown): boolean {
  if (repeatJobKey || opts?.repeat) return false;
  return Boolean(deduplicationId) || (typeof jobId === 'string' && jobId !== '');
}

function lookFor(watch: Watch, client: Client, keys: QueueKeys, job: Job, jobId: unknown): Look | undefined {
  if (!hasKey(job, jobId)) return undefined;
  let look: Look | undefined;
  observe(watch, 'a job that is added', () => {
    const { deduplicationId } = job;
    const quiet = (answer: Promise<unknown> | undefined) => answer?.catch(() => undefined);
    look = {
      job,
      key: deduplicationId || String(jobId),
      queueKey: keys[''],
      deduplicated: deduplicationId ? quiet(client.get?.(`${keys.de}:${deduplicationId}`)) : undefined,
      exists: jobId ? quiet(client.exists?.(`${keys['']}${String(jobId)}`)) : undefined,
    };
  });
  return look;
}

/** @param ids under which the queue has the jobs, in the order of the looks; undefined for one that was not added */
function report(watch: Watch, looks: Looks, ids: readonly unknown[]): void {
  const inBatch = new Set<string>();
  looks.forEach((look, i) => {
    const id = ids[i];
    if (look === undefined || id === undefined) return;
    const inQueue = look.queueKey + String(id);
    const isRepeated = inBatch.has(inQueue);
    inBatch.add(inQueue);
    void Promise.all([look.deduplicated, look.exists]).then(([deduplicated, exists]) =>
      observe(watch, 'a job that was added', () => {
        const isHeld = typeof deduplicated === 'string' || deduplicated instanceof Uint8Array;
        const isReplaced = look.job.opts?.deduplication?.replace === true;
        const isDuplicate =
          isRepeated || Number(exists) === 1 || (isHeld && (isReplaced || String(deduplicated) === String(id)));
        const { task, scope, kind } = watch.names.nameTask(look.job.name, look.key);
        const key = `bullmq:${look.queueKey}${look.key}`;
        if (kind !== 'ignore') countRequest(watch, { key, task, scope }, isDuplicate ? 'prevented' : 'executed');
      }),
    );
  });
}
