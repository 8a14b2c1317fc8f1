/**
 * How the parts are put together: the same for the service and for an aggregator inside an application. The only file,
 * with the two that use it, that knows every part.
 */
import { resolve } from 'node:path';
import { createAlerts } from './alerts/service.ts';
import { type KeptKey, loadOrMakeApiKey, loadOrMakeKey } from './api-key.ts';
import type { Configuration } from './config.ts';
import { type App, createApp } from './http/app.ts';
import { createGate, type Gate } from './http/auth.ts';
import type { Log } from './log.ts';
import { createOwnMetrics, type MetricFamily, type OwnMetrics } from './metrics.ts';
import type { PolicySource } from './objectives/policy-source.ts';
import { createDoor, type Door } from './otlp/attributes.ts';
import type { Receiver } from './otlp/receiver.ts';
import type { ActiveAlert } from './reports/active-alerts.ts';
import { readAlertConditions } from './reports/alert-conditions.ts';
import { allParts, exposeParts } from './reports/exposition.ts';
import { openEmbeddedStore } from './store/embedded/open.ts';
import type { Store } from './store/port.ts';
import { takingTurns } from './store/turns.ts';

/** What stands before a store is opened: nothing of it has to be closed. */
export interface Groundwork {
  readonly configuration: Configuration;
  readonly directory: string;
  readonly log: Log;
  readonly ownMetrics: OwnMetrics;
  readonly policy: PolicySource;
  /** Where the key is kept; absent when keys were configured. */
  readonly keptKey: KeptKey | undefined;
}

/** @throws when the data directory cannot be used */
export function layGround(configuration: Configuration, log: Log, policy: PolicySource): Groundwork {
  const directory = resolve(configuration.dataDirectory);
  for (const warning of policy.warnings) log.warn(warning);
  const keptKey = configuration.apiKeys.length > 0 ? undefined : loadOrMakeApiKey(directory);
  return { configuration, directory, log, ownMetrics: createOwnMetrics(), policy, keptKey };
}

export interface OpenedStore {
  readonly store: Store;
  /** Absent where data is not sent to this service. */
  readonly receiver?: Receiver;
  close(): void;
}

/** @throws StoreFileError */
export function openEmbedded({ configuration, directory, log, ownMetrics }: Groundwork) {
  const { retentionDays, fsync } = configuration;
  const door = doorOf(configuration, directory);
  return openEmbeddedStore({ door, directory, retentionDays, fsync, metrics: ownMetrics, log });
}

export async function openPrometheus(ground: Groundwork, url: string): Promise<OpenedStore> {
  const { configuration, directory, log, ownMetrics } = ground;
  const { openPrometheusStore } = await import('./store/prometheus/store.ts');
  return openPrometheusStore({
    url,
    tenant: configuration.prometheusTenant,
    authorization: authorizationOf(configuration),
    serviceLabel: configuration.prometheusServiceLabel,
    door: doorOf(configuration, directory),
    retentionDays: configuration.retentionDays,
    ttlMs: configuration.cacheTtlSeconds * 1000,
    metrics: ownMetrics,
    log,
  });
}

/** The `Authorization` header for the Prometheus server, where it wants one. */
function authorizationOf(configuration: Configuration): string | undefined {
  const { prometheusBearerToken, prometheusUsername, prometheusPassword } = configuration;
  if (prometheusBearerToken !== undefined) return `Bearer ${prometheusBearerToken}`;
  if (prometheusUsername === undefined) return undefined;
  return `Basic ${Buffer.from(`${prometheusUsername}:${prometheusPassword}`).toString('base64')}`;
}

/** Addresses are brought into their form before anything is stored. */
function doorOf({ clientAddresses }: Configuration, directory: string): Door {
  const secret = clientAddresses === 'pseudonym' ? loadOrMakeKey(directory, 'pseudonym-key').key : '';
  return createDoor(clientAddresses, secret);
}

export interface Composed {
  readonly app: App;
  readonly gate: Gate;
  readonly isClosing: () => boolean;
  /** What a scrape would show now. */
  readFamilies(): Promise<readonly MetricFamily[]>;
  startAlerts(): void;
  /**
   * Says to whoever asks that the end is near, waits for `inFlight` and the alerts that are owed, and lets the store go.
   */
  close(inFlight?: () => Promise<void>): Promise<void>;
}

export interface Surroundings {
  /** May send, and nothing else. */
  readonly localKey?: string;
  /** Below which the pages stand; '' when absent. */
  readonly pageBase?: string;
}

/** @throws when the state of alerts cannot be read */
export function compose(ground: Groundwork, opened: OpenedStore, { localKey, pageBase = '' }: Surroundings): Composed {
  const { configuration, directory, log, ownMetrics, policy, keptKey } = ground;
  const { store } = opened;
  let closing = false;
  let closed = false;
  const isClosing = (): boolean => closing;
  const apiKeys = keptKey === undefined ? configuration.apiKeys : [keptKey.key];
  const gate = createGate(apiKeys, configuration.ingestKeys, localKey);
  // Nobody waits for a judgement, and the first one after a start reads weeks from the disk.
  const judged = takingTurns(store);
  const alerts = createAlerts({
    ...configuration,
    publicUrl: configuration.publicUrl && configuration.publicUrl.replace(/\/$/, '') + pageBase,
    directory,
    ownMetrics,
    log,
    readConditions: (nowMs) => readAlertConditions(judged, policy.current(), nowMs),
  });
  const active = () => alerts.active().map((alert) => below(pageBase, alert));
  const app = createApp({
    ...configuration,
    store,
    gate,
    ownMetrics,
    log,
    pageBase,
    isClosing,
    isClosed: () => closed,
    policy: policy.current,
    alerts: active,
  });
  return {
    app,
    gate,
    isClosing,
    readFamilies: () => readFamilies(ground, store, active),
    startAlerts: alerts.start,
    async close(inFlight = async () => {}) {
      closing = true;
      await Promise.all([inFlight(), alerts.close()]);
      opened.close();
      closed = true;
    },
  };
}

/** An alert names a page of the service; in an application pages stand below a path of their own. */
function below(pageBase: string, alert: ActiveAlert): ActiveAlert {
  return { ...alert, text: { ...alert.text, path: pageBase + alert.text.path } };
}

function readFamilies(ground: Groundwork, store: Store, alerts: () => readonly ActiveAlert[]) {
  const { configuration, ownMetrics, policy } = ground;
  const own = async () => ownMetrics.families();
  const { exposeAttackers } = configuration;
  const scope = { nowMs: Date.now(), policy: policy.current(), alerts, exposeAttackers };
  // Where the store does not answer, that is what is to be told.
  return exposeParts([...allParts, own], store, scope).catch(own);
}
