/** Alerts from this service itself: judged on a tick, kept over a restart, and told to whoever is configured. */
import type { AlertReading } from '../domain/alert-groups.ts';
import type { Log } from '../log.ts';
import type { OwnMetrics } from '../metrics.ts';
import type { ActiveAlert } from '../reports/active-alerts.ts';
import { alertmanagerRequests, RESEND_MS, statusOf, tellable } from './alertmanager.ts';
import { type Courier, type Delivery, startCourier } from './courier.ts';
import { advance, type Channel, DESTINATIONS, type Destination, type Entry, nextFor, settle } from './outbox.ts';
import { type Attempt, post, type Request } from './post.ts';
import { createReader } from './reader.ts';
import { slackRequest } from './slack.ts';
import { openStateFile } from './state-file.ts';
import { webhookRequest } from './webhook.ts';

/** Between the start and the first judgement, ms: it reads weeks from the disk, and who waited for the start comes first. */
const FIRST_TICK_MS = 1000;

export interface AlertSettings {
  readonly alertmanagerUrl: string | undefined;
  readonly webhookUrl: string | undefined;
  /** Present where `webhookUrl` is. */
  readonly webhookSecret: string | undefined;
  readonly slackUrl: string | undefined;
  /** This service's own address, for links. */
  readonly publicUrl: string | undefined;
  readonly alertIntervalSeconds: number;
}

export interface AlertOptions extends AlertSettings {
  /** How everything that may alert stands, by group. @throws where nothing at all can be judged */
  readonly readConditions: (nowMs: number) => Promise<readonly AlertReading[]>;
  /** Where the state is kept. */
  readonly directory: string;
  readonly ownMetrics: OwnMetrics;
  readonly log: Log;
  /** Unix milliseconds. */
  readonly nowMs?: () => number;
  /** The first pause after a failed delivery, and what an answer may take. */
  readonly firstPauseMs?: number;
  readonly timeoutMs?: number;
}

export interface AlertService {
  /** Judges everything anew and wakes the couriers. Never throws; at most one at a time. */
  tick(): Promise<void>;
  /** Ticks from now on, the first time after a second. */
  start(): void;
  /** What is pending or fires, oldest first. */
  active(): readonly ActiveAlert[];
  /** Lets what is on its way arrive, within a second, and keeps the rest for the next start. */
  close(): Promise<void>;
}

/** @throws when the state cannot be read */
export function createAlerts(options: AlertOptions): AlertService {
  const { directory, log, ownMetrics, nowMs = Date.now } = options;
  const file = openStateFile(directory);
  if (file.damaged !== undefined)
    log.error({ path: file.damaged }, 'the state of alerts was damaged and begins anew; the old file was moved here');
  const destinations = DESTINATIONS.filter((name) => urlOf(options, name) !== undefined);
  let entries = file.entries;
  let kept = essence(entries);
  const counters = countersOf(ownMetrics, () => entries);
  const read = createReader(options.readConditions, ownMetrics, log);

  /** Before anybody is told of a change it is on the disk, so that no restart tells it anew or forgets it. */
  const keep = (next: readonly Entry[]): void => {
    entries = next;
    const now = essence(next);
    if (now === kept) return;
    try {
      file.save(next);
      kept = now;
    } catch (error) {
      log.error({ err: error }, 'the state of alerts could not be written; it is tried again with the next change');
    }
  };
  const outbox: Outbox = {
    entries: () => entries,
    settle: (destination, told) =>
      keep(told.reduce((all, { id, status }) => settle(all, destination, id, status), entries)),
  };
  const couriers = destinations.map((name) => courierOf(name, options, outbox, counters.deliveries, nowMs));

  let judging: Promise<void> | undefined;
  const judge = async (): Promise<void> => {
    const judgement = await read(nowMs());
    if (judgement !== undefined) {
      const next = advance(entries, judgement, destinations, nowMs());
      counters.forgotten.add({}, next.forgotten);
      tellChanges(log, entries, next.entries);
      keep(next.entries);
    }
    for (const courier of couriers) courier.wake();
  };
  const tick = (): Promise<void> => {
    judging ??= judge().finally(() => {
      judging = undefined;
    });
    return judging;
  };
  let first: NodeJS.Timeout | undefined;
  let timer: NodeJS.Timeout | undefined;
  return {
    tick,
    start() {
      first = setTimeout(() => void tick(), FIRST_TICK_MS).unref();
      timer = setInterval(() => void tick(), options.alertIntervalSeconds * 1000).unref();
    },
    active: () => activeOf(entries),
    async close() {
      clearTimeout(first);
      clearInterval(timer);
      await judging;
      await Promise.all(couriers.map((courier) => courier.stop()));
    },
  };
}

function urlOf({ alertmanagerUrl, webhookUrl, slackUrl }: AlertSettings, name: Destination): string | undefined {
  return { alertmanager: alertmanagerUrl, webhook: webhookUrl, slack: slackUrl }[name];
}

interface Outbox {
  entries(): readonly Entry[];
  /** What a destination was told. */
  settle(
    destination: Destination,
    told: readonly { readonly id: string; readonly status: 'firing' | 'resolved' }[],
  ): void;
}

type Deliveries = ReturnType<typeof countersOf>['deliveries'];

function courierOf(
  destination: Destination,
  options: AlertOptions,
  outbox: Outbox,
  deliveries: Deliveries,
  nowMs: () => number,
): Courier {
  const { log, firstPauseMs } = options;
  const next =
    destination === 'alertmanager' ? rounds(options, outbox, nowMs) : changes(destination, options, outbox, nowMs);
  return startCourier({
    next,
    firstPauseMs,
    onAttempt(attempt, failuresBefore) {
      deliveries.add({ destination, result: attempt.result });
      tellAttempt(log, destination, attempt, failuresBefore);
    },
  });
}

/** What a channel is told: each change once. */
function changes(channel: Channel, options: AlertOptions, outbox: Outbox, nowMs: () => number) {
  const { publicUrl, webhookUrl = '', webhookSecret: secret = '', slackUrl = '' } = options;
  return (): Delivery | undefined => {
    const owed = nextFor(outbox.entries(), channel);
    if (owed === undefined) return undefined;
    const { alert, status } = owed;
    const request = (): Request =>
      channel === 'webhook'
        ? webhookRequest(alert, status, { url: webhookUrl, secret, publicUrl }, nowMs())
        : slackRequest(alert, status, { url: slackUrl, publicUrl });
    return {
      send: (signal) => post(request(), signal, options.timeoutMs),
      settle: () => outbox.settle(channel, [{ id: alert.id, status }]),
    };
  };
}

/** What Alertmanager is told: everything, at once when something changed, else every minute. */
function rounds(options: AlertOptions, outbox: Outbox, nowMs: () => number) {
  const { alertmanagerUrl: url = '', publicUrl, alertIntervalSeconds } = options;
  const settings = { url, publicUrl, intervalMs: alertIntervalSeconds * 1000 };
  const resendMs = Math.min(RESEND_MS, 2 * settings.intervalMs);
  let lastMs = -Infinity;
  return (): Delivery | undefined => {
    const all = tellable(outbox.entries());
    const isChanged = all.some(({ owed }) => owed.alertmanager !== undefined);
    if (all.length === 0 || (!isChanged && Math.abs(nowMs() - lastMs) < resendMs)) return undefined;
    const told = all.map(({ alert }) => ({ id: alert.id, status: statusOf(alert.phase) }));
    return {
      async send(signal) {
        for (const request of alertmanagerRequests(all, settings, nowMs())) {
          const attempt = await post(request, signal, options.timeoutMs);
          // One that refuses a round may take the next: alerts are told of until they are over.
          if (attempt.result !== 'taken') return { ...attempt, result: 'failed' };
        }
        return { result: 'taken' };
      },
      settle() {
        lastMs = nowMs();
        outbox.settle('alertmanager', told);
      },
    };
  };
}

/** All of the entries but their texts, which change with every tick. */
function essence(entries: readonly Entry[]): string {
  return JSON.stringify(entries.map(({ alert: { text, ...alert }, owed, told }) => ({ ...alert, owed, told })));
}

function activeOf(entries: readonly Entry[]): readonly ActiveAlert[] {
  return entries.flatMap(({ alert }) => (alert.phase === 'resolved' ? [] : [{ ...alert, phase: alert.phase }]));
}

function tellChanges(log: Log, before: readonly Entry[], after: readonly Entry[]): void {
  const phases = new Map(before.map(({ alert }) => [alert.id, alert.phase]));
  for (const { alert } of after)
    if (alert.phase !== 'pending' && alert.phase !== phases.get(alert.id))
      log.warn({ alert: alert.name, labels: alert.labels, status: alert.phase }, 'an alert changed');
}

function tellAttempt(log: Log, destination: Destination, attempt: Attempt, failuresBefore: number): void {
  if (attempt.result === 'refused')
    log.error({ destination, reason: attempt.reason }, 'an alert was refused and is not sent again');
  else if (attempt.result === 'failed' && failuresBefore === 0)
    log.warn({ destination, reason: attempt.reason }, 'alerts cannot be delivered; it is tried again');
  else if (attempt.result === 'taken' && failuresBefore > 0)
    log.info({ destination, failures: failuresBefore }, 'alerts can be delivered again');
}

function countersOf(ownMetrics: OwnMetrics, entries: () => readonly Entry[]) {
  const count = (phase: Entry['alert']['phase']) => entries().filter(({ alert }) => alert.phase === phase).length;
  ownMetrics.gauge('aggregator_alerts_firing', 'Alerts that fire.', () => count('firing'));
  ownMetrics.gauge('aggregator_alert_notifications_owed', 'What destinations have yet to be told of alerts.', () =>
    entries().reduce((sum, { owed }) => sum + Object.keys(owed).length, 0),
  );
  return {
    deliveries: ownMetrics.counter('aggregator_alert_deliveries_total', 'Attempts to tell a destination of alerts.', {
      destination: DESTINATIONS,
      result: ['taken', 'refused', 'failed'],
    }),
    forgotten: ownMetrics.counter(
      'aggregator_alerts_forgotten_total',
      'Alerts that were over and whose end could not be told, dropped as there were too many.',
      {},
    ),
  };
}
