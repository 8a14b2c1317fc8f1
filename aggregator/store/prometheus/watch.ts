/** What the server holds, looked at now and then: how new its data is, and which services there are. */
import { type MetricName, metrics } from '@vigil/semconv';
import type { StoreState } from '../port.ts';
import type { Ask } from './batches.ts';
import type { Reading } from './groups.ts';
import { countNames, quote, serviceOf } from './names.ts';
import { textsOf } from './samples.ts';
import type { MetricsServer } from './server.ts';

export interface WatchOptions {
  readonly server: MetricsServer;
  readonly ask: Ask;
  readonly reading: Reading;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
  readonly nowMs: () => number;
  readonly retentionMs: number;
}

export interface Watch {
  /** Looks once. Never rejects: what was known stays. */
  look(): Promise<void>;
  /** Looks every few seconds. */
  begin(): void;
  end(): void;
  state(): StoreState;
}

/** As often as senders send. */
const LOOK_EVERY_MS = 10_000;
const MAX_SERVICES = 1000;
/** Every series that tells of events, without the many of explicit buckets. */
const EVERYTHING = `{__name__=~${quote((Object.keys(metrics) as MetricName[]).flatMap(countNames).join('|'))}}`;

/** Where the newest sample is looked for: among the series that are alive, then in the last day. */
const SEARCHES = [`max(timestamp(${EVERYTHING}))`, `max(max_over_time(timestamp(${EVERYTHING})[1d:5m]))`];

export function createWatch(options: WatchOptions): Watch {
  const { reading, log, nowMs, retentionMs } = options;
  let newestMs: number | undefined;
  let services: readonly string[] = [];
  let isFailing = false;
  let timer: NodeJS.Timeout | undefined;
  let isEnded = false;

  async function look(): Promise<void> {
    try {
      const [foundMs, names] = await Promise.all([readNewest(options, newestMs), readServices(options)]);
      // A sample may have been overtaken by retention; what was once there is still known.
      newestMs = Math.max(foundMs ?? -Infinity, newestMs ?? -Infinity);
      if (newestMs === -Infinity) newestMs = undefined;
      services = names.map((name) => reading.door.sanitise(serviceOf(name, reading.label)));
      services = [...new Set(services)].sort().slice(0, MAX_SERVICES);
      if (isFailing) log.info({}, 'the Prometheus server answers again');
      isFailing = false;
    } catch (error) {
      if (!isFailing) log.warn({ err: error }, 'the Prometheus server does not answer');
      isFailing = true;
    }
  }

  function next(): void {
    if (isEnded) return;
    timer = setTimeout(() => void look().finally(next), LOOK_EVERY_MS);
    timer.unref();
  }

  return {
    look,
    begin: next,
    end() {
      isEnded = true;
      clearTimeout(timer);
    },
    state: () => ({
      newestPointMs: newestMs,
      // When a point reached the server nobody recorded; it was not before it was measured.
      lastArrivalMs: newestMs,
      minuteRetentionMs: retentionMs,
      retentionMs,
      services,
      refusing: undefined,
      isUnknown: isFailing,
    }),
  };

  async function readNewest({ ask }: WatchOptions, known: number | undefined): Promise<number | undefined> {
    for (const expression of SEARCHES) {
      const [sample] = await ask({ expression });
      if (sample !== undefined) return Math.round(sample.value * 1000);
      if (known !== undefined) return known;
    }
    const days = Math.ceil(retentionMs / 86_400_000);
    const [sample] = await ask({
      expression: `max(max_over_time((time() * (count(last_over_time(${EVERYTHING}[1h])) > bool 0))[${days}d:1h]))`,
    });
    return sample === undefined ? undefined : Math.round(sample.value * 1000);
  }

  async function readServices({ server }: WatchOptions): Promise<string[]> {
    const fields = {
      'match[]': EVERYTHING,
      start: String(Math.floor((nowMs() - retentionMs) / 1000)),
      end: String(Math.ceil(nowMs() / 1000)),
      limit: String(MAX_SERVICES),
    };
    return textsOf(await server.get(`label/${reading.label.name}/values`, fields));
  }
}
