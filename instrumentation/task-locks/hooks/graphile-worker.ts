/** graphile-worker: a job with a key that was there already comes back with a revision above zero. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { type AnyFunction, patchExport } from '@vigil/hooking';
import { countRequest, observe, type Watch } from '../watch.ts';
import { type Method, patchedFiles } from './prototype.ts';

interface Spec {
  readonly identifier?: string;
  readonly jobKey?: string;
}

interface Job {
  readonly key?: string | null;
  readonly revision?: number | string;
}

export function graphileWorkerHook(watch: Watch): InstrumentationModuleDefinition {
  const patch = (exports: unknown): unknown => {
    const wraps = { makeAddJob: observedAddJob, makeAddJobs: observedAddJobs };
    for (const [name, observed] of Object.entries(wraps)) {
      const wrap = (make: AnyFunction): AnyFunction =>
        function (this: unknown, ...args: unknown[]): unknown {
          return observed(watch, (make as Method).apply(this, args) as Method);
        } as AnyFunction;
      exports = patchExport(exports, name, wrap, watch.diag);
    }
    return patchExport(exports, 'makeJobHelpers', (make) => withHelpers(watch, make as Method), watch.diag);
  };
  return patchedFiles(watch, 'graphile-worker', ['>=0.16 <1'], ['graphile-worker/dist/helpers.js'], patch);
}

/** What a running task adds with: made within the module, so out of reach of its exports. */
function withHelpers(watch: Watch, make: Method): AnyFunction {
  return function (this: unknown, ...args: unknown[]): unknown {
    const helpers = make.apply(this, args) as Record<string, unknown>;
    observe(watch, 'what a task adds', () => {
      if (typeof helpers['addJob'] === 'function')
        helpers['addJob'] = observedAddJob(watch, helpers['addJob'] as Method);
      if (typeof helpers['addJobs'] === 'function')
        helpers['addJobs'] = observedAddJobs(watch, helpers['addJobs'] as Method);
    });
    return helpers;
  } as AnyFunction;
}

function observedAddJob(watch: Watch, addJob: Method): Method {
  return async function (this: unknown, ...args) {
    const job = (await addJob.apply(this, args)) as Job;
    const [identifier, , spec] = args as [string, unknown, Spec?];
    observe(watch, 'a job that was added', () => report(watch, identifier, spec?.jobKey, job));
    return job;
  };
}

function observedAddJobs(watch: Watch, addJobs: Method): Method {
  return async function (this: unknown, ...args) {
    const jobs = (await addJobs.apply(this, args)) as readonly Job[];
    observe(watch, 'jobs that were added', () => {
      if (!watch.enabled) return;
      const byKey = new Map(jobs.map((job) => [job.key, job]));
      for (const { identifier, jobKey } of args[0] as readonly Spec[])
        if (jobKey) report(watch, String(identifier), jobKey, byKey.get(jobKey));
    });
    return jobs;
  };
}

function report(watch: Watch, identifier: string, jobKey: string | undefined, job: Job | undefined): void {
  if (!watch.enabled || !jobKey || job === undefined) return;
  const { task, scope, kind } = watch.names.nameTask(identifier, jobKey);
  const outcome = Number(job.revision) > 0 ? 'prevented' : 'executed';
  if (kind !== 'ignore') countRequest(watch, { key: `graphile-worker:${jobKey}`, task, scope }, outcome);
}
