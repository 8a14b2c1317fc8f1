/** Senders of single bodies: for what an SDK would never send, and for delta points that must count once. */
import { setTimeout as delay } from 'node:timers/promises';
import { metricsBody, type PointDescription } from '../../support/otlp-json.ts';

/** Delta points of one task, one request each, sent until the receiver takes them; as exporters do, without giving up. */
export interface DeltaSender {
  /** @returns how many requests to run a task were told and taken */
  end(): Promise<number>;
}

export function point(service: string, { times, timeMs }: { times: number; timeMs: number }): PointDescription {
  return {
    metric: 'vigil.task.requests',
    attributes: {
      'vigil.task.name': 'send_invoice',
      'vigil.idempotency.scope': 'user',
      'vigil.idempotency.outcome': 'executed',
    },
    shape: 'sum',
    service,
    instance: `${service}-1`,
    cumulative: false,
    startMs: timeMs - 1,
    timeMs,
    values: new Array<number>(times).fill(1),
  };
}

export async function send(url: string, body: Uint8Array): Promise<Response | undefined> {
  const init = { method: 'POST', body: new Uint8Array(body), headers: { 'Content-Type': 'application/json' } };
  const answer = await fetch(`${url}/v1/metrics`, init).catch(() => undefined);
  await answer?.arrayBuffer().catch(() => undefined);
  return answer;
}

export function startDeltaSender(url: string, service: string): DeltaSender {
  let isEnding = false;
  let taken = 0;
  let startMs = Date.now();
  const run = async (): Promise<void> => {
    while (!isEnding) {
      await delay(50);
      const times = 1 + (taken % 4);
      const timeMs = Date.now();
      const body = metricsBody([{ ...point(service, { times, timeMs }), startMs }]);
      startMs = timeMs;
      // The same bytes again: a body that was taken though its answer was lost must not count twice.
      while (!(await send(url, body))?.ok) await delay(100);
      taken += times;
    }
  };
  const done = run();
  return {
    async end() {
      isEnding = true;
      await done;
      return taken;
    },
  };
}
