/** Every finding there is, with the levels at which it is told. What `finding` and `ok` take is checked against it. */
import type { Level } from './finding.ts';

export const CATALOGUE = {
  'node.version': ['ok', 'error'],
  'package.readable': ['error'],
  'registration.installed': ['ok', 'error'],
  'registration.named': ['ok', 'info'],
  'api.installed': ['error'],
  'api.copies': ['ok', 'error'],
  'sdk.copies': ['ok', 'info', 'warning'],
  'settings.disabled': ['error'],
  'settings.config_file': ['warning'],
  'settings.exporter': ['warning', 'error'],
  'settings.histograms': ['warning'],
  'hooks.applied': ['ok', 'info', 'error'],
  'hooks.none': ['warning'],
  'hooks.no_locks': ['info'],
  'export.own_address': ['warning'],
  'export.arrives': ['ok', 'error'],
  'export.twice': ['error'],
  'export.histograms': ['ok', 'info', 'error'],
  'export.temporality': ['ok', 'warning'],
  'export.service': ['warning'],
  'export.instance': ['warning'],
  'libraries.copies': ['info', 'warning'],
  'ending.flush': ['ok', 'warning'],
  'destination.embedded': ['ok'],
  'destination.address': ['ok', 'warning'],
  'destination.reachable': ['ok', 'info', 'error'],
  'destination.path': ['error'],
  'destination.reads_only': ['error'],
  'destination.answer': ['warning', 'error'],
  'destination.protocol': ['error'],
  'key.sending': ['ok', 'error'],
  'key.reading': ['ok', 'info', 'error'],
  'clock.skew': ['ok', 'warning', 'error'],
  'arrival.service': ['ok', 'warning'],
  'aggregator.takes_data': ['error'],
  'prometheus.reachable': ['error'],
  'prometheus.scraped': ['ok', 'info', 'error'],
  'prometheus.rules': ['ok', 'warning', 'error'],
  'redis.reachable': ['ok', 'info', 'error'],
  'redis.eviction': ['ok', 'info', 'error'],
  'grafana.reachable': ['error'],
  'grafana.dashboards': ['ok', 'warning'],
  'grafana.data_source': ['ok', 'info', 'error'],
} as const satisfies Readonly<Record<string, readonly Level[]>>;

type Catalogue = typeof CATALOGUE;

/** Recommendations of the aggregator on its telemetry are passed on under its own ids. */
type OfAggregator = `aggregator.${string}`;

/** Ids of findings that are told at a level, or at each of several. */
export type IdAt<Levels extends Level> =
  | { [Id in keyof Catalogue]: [Levels] extends [Catalogue[Id][number]] ? Id : never }[keyof Catalogue]
  | ([Levels] extends ['warning'] ? OfAggregator : never);

/** Level and id as the text shows them: `error key.sending`. */
export type ToldAs =
  | { [Id in keyof Catalogue]: `${Catalogue[Id][number]} ${Id}` }[keyof Catalogue]
  | `warning ${OfAggregator}`;
