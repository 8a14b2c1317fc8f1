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
export const LOOK_EVERY_MS = 10_000;
const MAX_SERVICES = 1000;
/** Every series that tells of events, without the many of explicit buckets. */
const EVERYTHING = `{__name__=~${quote((Object.keys(metrics) as MetricName[]).flatMap(countNames).join('|'))}}`;

/** When samples were taken: of the series that are alive, and of those that were within a day. */
const ALIVE = `timestamp(${EVERYTHING})`;
const WITHIN_A_DAY = `max_over_time(${ALIVE}[1d:5m])`;

/** Unix ms of the newest sample, by `service.name`. */
type Arrivals = ReadonlyMap<string, number>;

export function createWatch(options: WatchOptions): Watch {
  const { ask, reading, log, nowMs, retentionMs } = options;
  let newestMs: number | undefined;
  let services: readonly string[] = [];
  let arrivals: Arrivals | undefined;
  let isFailing = false;
  let timer: NodeJS.Timeout | undefined;
  let isEnded = false;

  async function look(): Promise<void> {
    try {
      const [alive, names] = await Promise.all([readArrivals(ALIVE), readServices(options)]);
      services = [...new Set(names.map(nameOf))].sort().slice(0, MAX_SERVICES);
      // Once: who is silent may have sent before this process began. A server for which that is too much tells less.
      arrivals ??= await readArrivals(WITHIN_A_DAY).catch(() => new Map());
      arrivals = latestOf(services, arrivals, alive);
      // A sample may have been overtaken by retention; what was once there is still known.
      const known = [...alive.values(), ...arrivals.values(), ...(newestMs === undefined ? [] : [newestMs])];
      newestMs = known.length > 0 ? Math.max(...known) : await readOldNewest();
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
      arrivals: arrivals ?? new Map(),
      refusing: undefined,
      isUnknown: isFailing,
    }),
  };

  function nameOf(value: string): string {
    return reading.door.sanitise(serviceOf(value, reading.label));
  }

  async function readArrivals(times: string): Promise<Arrivals> {
    const { name } = reading.label;
    const samples = await ask({ expression: `max by (${name}) (${times})` });
    const found = new Map<string, number>();
    for (const { labels, value } of samples) {
      const service = nameOf(labels[name] ?? '');
      found.set(service, Math.max(found.get(service) ?? 0, Math.round(value * 1000)));
    }
    return found;
  }

  async function readOldNewest(): Promise<number | undefined> {
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

/** The later of both, of the services that there are. */
function latestOf(services: readonly string[], before: Arrivals, now: Arrivals): Arrivals {
  const all = services.map((name) => [name, Math.max(before.get(name) ?? 0, now.get(name) ?? 0)] as const);
  return new Map(all.filter(([, ms]) => ms > 0));
}
