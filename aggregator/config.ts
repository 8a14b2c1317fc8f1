/**
 * The configuration: environment variables in, one checked value out. Every variable stands in `variables`, which the
 * documentation is held against; all problems are found together, and none of them repeats a value, which could be a key.
 */
import { z } from 'zod';

export interface Configuration {
  readonly host: string;
  /** 0 lets the system choose a free one. */
  readonly port: number;
  /** Keys that may read; empty when one is to be made and kept in the data directory. */
  readonly apiKeys: readonly string[];
  /** Keys that may send, and nothing else; empty when the reading keys send too. */
  readonly ingestKeys: readonly string[];
  readonly dataDirectory: string;
  readonly store: 'embedded' | 'prometheus';
  readonly prometheusUrl: string | undefined;
  /** Whose data it is, where the server keeps that of several. */
  readonly prometheusTenant: string | undefined;
  readonly prometheusBearerToken: string | undefined;
  readonly prometheusUsername: string | undefined;
  readonly prometheusPassword: string | undefined;
  /** The label that holds `service.name`. */
  readonly prometheusServiceLabel: string;
  readonly prometheusMetricsEnabled: boolean;
  /** OpenSLO v1; the built-in objectives alone when absent. */
  readonly sloFile: string | undefined;
  readonly maintenanceFile: string | undefined;
  readonly cacheTtlSeconds: number;
  readonly retentionDays: number;
  /** When received data is forced onto the disk. */
  readonly fsync: 'each' | 'grouped' | 'never';
  readonly clientAddresses: 'full' | 'network' | 'pseudonym';
  /** Proxies in front of the service, whose entries in X-Forwarded-For are believed. */
  readonly trustedHops: number;
  readonly exposeAttackers: boolean;
  readonly publicUrl: string | undefined;
  /** Holds `{trace_id}`. */
  readonly traceUrl: string | undefined;
  /** Where alerts go; nowhere when all are absent. */
  readonly alertmanagerUrl: string | undefined;
  readonly webhookUrl: string | undefined;
  /** Present where `webhookUrl` is. */
  readonly webhookSecret: string | undefined;
  readonly slackUrl: string | undefined;
  /** How often everything that may alert is judged. */
  readonly alertIntervalSeconds: number;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
}

/** One thing that is wrong: which variable, and how to mend it. */
export interface ConfigurationProblem {
  readonly variable: string;
  readonly mend: string;
}

export type ConfigurationResult =
  | { readonly ok: true; readonly configuration: Configuration }
  | { readonly ok: false; readonly problems: readonly ConfigurationProblem[] };

/** Seconds in an hour: an older answer would be no answer about now. */
const MAX_CACHE_TTL_SECONDS = 3600;
const MAX_RETENTION_DAYS = 3650;
const MAX_TRUSTED_HOPS = 16;
/** The shortest window of an alert: judged less often, it could be over before anybody looked. */
const MAX_ALERT_INTERVAL_SECONDS = 300;

const wholeNumber = (min: number, max: number, otherwise: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max)
    .default(otherwise);

const truth = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['true', 'false', '1', '0']))
  .transform((value) => value === 'true' || value === '1')
  .default(true);

/** Printable ASCII without spaces and commas: what fits into a header, and what a comma-separated list can hold. */
const keys = z
  .string()
  .transform((list) => list.split(',').map((key) => key.trim()))
  .pipe(z.array(z.string().regex(/^[\x21-\x2b\x2d-\x7e]{1,256}$/)).max(16))
  .default([]);

const webAddress = z
  .string()
  .refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol))
  .optional();

const headerText = z.string().regex(/^[\x21-\x7e]{1,4096}$/);

/** Whether an address is only that: a password in it would reach logs, and paths are put behind it. */
function isBare(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { username, password, search, hash } = new URL(address);
  return `${username}${password}${search}${hash}` === '';
}

/** A text of at least 16 characters, or, after `whsec_`, base64 of at least 24 bytes, as Standard Webhooks asks. */
const webhookSecret = z
  .string()
  .max(256)
  .regex(/^(?:whsec_[A-Za-z0-9+/]{32,}={0,2}|(?!whsec_)[\x21-\x7e]{16,})$/)
  .optional();

const WEB_ADDRESS = 'an address that begins with http:// or https://';

interface Variable<Value> {
  readonly schema: z.ZodType<Value, string | undefined>;
  /** Completes the sentence "VARIABLE must be …". */
  readonly mend: string;
}

type Variables = {
  readonly [Field in keyof Configuration]: Variable<Configuration[Field]> & { readonly name: string };
};

/** Every variable that the service reads, in the order of its documentation. */
export const variables: Variables = {
  host: {
    name: 'HOST',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9.:_-]{1,255}$/)
      .default('127.0.0.1'),
    mend: 'an address or a host name of this machine, such as 127.0.0.1 or 0.0.0.0',
  },
  port: { name: 'PORT', schema: wholeNumber(0, 65535, 8000), mend: 'a whole number from 0 to 65535' },
  apiKeys: {
    name: 'MONITORING_API_KEY',
    schema: keys,
    mend: 'one key, or up to 16 separated by commas, of printable ASCII characters without spaces; leave it out to have one made',
  },
  ingestKeys: {
    name: 'MONITORING_INGEST_KEY',
    schema: keys,
    mend: 'one key, or up to 16 separated by commas, of printable ASCII characters without spaces',
  },
  dataDirectory: {
    name: 'MONITORING_DATA_DIR',
    schema: z.string().default('./data'),
    mend: 'the path of a directory',
  },
  store: {
    name: 'MONITORING_STORE',
    schema: z.enum(['embedded', 'prometheus']).default('embedded'),
    mend: 'embedded or prometheus',
  },
  prometheusUrl: {
    name: 'PROMETHEUS_URL',
    schema: webAddress.refine((value) => value === undefined || isBare(value)),
    mend: 'an address that begins with http:// or https://, without a user, a query or a fragment',
  },
  prometheusTenant: {
    name: 'PROMETHEUS_TENANT',
    schema: headerText.optional(),
    mend: 'a tenant of printable ASCII characters without spaces',
  },
  prometheusBearerToken: {
    name: 'PROMETHEUS_BEARER_TOKEN',
    schema: headerText.optional(),
    mend: 'a token of printable ASCII characters without spaces',
  },
  prometheusUsername: {
    name: 'PROMETHEUS_USERNAME',
    schema: z
      .string()
      .regex(/^[^:\p{Cc}]{1,256}$/u)
      .optional(),
    mend: 'a name without colons',
  },
  prometheusPassword: {
    name: 'PROMETHEUS_PASSWORD',
    schema: z.string().optional(),
    mend: 'a password',
  },
  prometheusServiceLabel: {
    name: 'PROMETHEUS_SERVICE_LABEL',
    schema: z
      .string()
      .regex(/^[a-zA-Z_][a-zA-Z0-9_]{0,127}$/)
      .default('job'),
    mend: 'the name of a label, such as job or service_name',
  },
  prometheusMetricsEnabled: { name: 'PROMETHEUS_METRICS_ENABLED', schema: truth, mend: 'true or false' },
  sloFile: { name: 'MONITORING_SLO_FILE', schema: z.string().optional(), mend: 'the path of an OpenSLO file' },
  maintenanceFile: {
    name: 'MONITORING_MAINTENANCE_FILE',
    schema: z.string().optional(),
    mend: 'the path of a file of maintenance periods',
  },
  cacheTtlSeconds: {
    name: 'MONITORING_CACHE_TTL_SECONDS',
    schema: wholeNumber(0, MAX_CACHE_TTL_SECONDS, 5),
    mend: `a whole number of seconds from 0 to ${MAX_CACHE_TTL_SECONDS}`,
  },
  retentionDays: {
    name: 'MONITORING_RETENTION_DAYS',
    schema: wholeNumber(1, MAX_RETENTION_DAYS, 35),
    mend: `a whole number of days from 1 to ${MAX_RETENTION_DAYS}`,
  },
  fsync: {
    name: 'MONITORING_FSYNC',
    schema: z.enum(['each', 'grouped', 'never']).default('grouped'),
    mend: 'each, grouped or never',
  },
  clientAddresses: {
    name: 'MONITORING_CLIENT_ADDRESSES',
    schema: z.enum(['full', 'network', 'pseudonym']).default('full'),
    mend: 'full, network or pseudonym',
  },
  trustedHops: {
    name: 'MONITORING_TRUSTED_HOPS',
    schema: wholeNumber(0, MAX_TRUSTED_HOPS, 0),
    mend: `the number of proxies in front of the service, from 0 to ${MAX_TRUSTED_HOPS}`,
  },
  exposeAttackers: { name: 'MONITORING_EXPOSE_ATTACKERS', schema: truth, mend: 'true or false' },
  publicUrl: {
    name: 'MONITORING_PUBLIC_URL',
    schema: webAddress,
    mend: 'an address that begins with http:// or https://',
  },
  traceUrl: {
    name: 'MONITORING_TRACE_URL',
    schema: webAddress.refine((value) => value === undefined || value.includes('{trace_id}')),
    mend: 'an address that begins with http:// or https:// and holds {trace_id}',
  },
  alertmanagerUrl: {
    name: 'MONITORING_ALERTMANAGER_URL',
    // The page's own address, with `#/alerts`, is no address for sending.
    schema: webAddress.refine((value) => value === undefined || !/[?#]/.test(value)),
    mend: `${WEB_ADDRESS}, without a query or a fragment`,
  },
  webhookUrl: { name: 'MONITORING_WEBHOOK_URL', schema: webAddress, mend: WEB_ADDRESS },
  webhookSecret: {
    name: 'MONITORING_WEBHOOK_SECRET',
    schema: webhookSecret,
    mend: 'a text of 16 to 256 printable ASCII characters without spaces, or whsec_ and at least 24 bytes as base64',
  },
  slackUrl: { name: 'MONITORING_SLACK_URL', schema: webAddress, mend: WEB_ADDRESS },
  alertIntervalSeconds: {
    name: 'MONITORING_ALERT_INTERVAL_SECONDS',
    schema: wholeNumber(1, MAX_ALERT_INTERVAL_SECONDS, 30),
    mend: `a whole number of seconds from 1 to ${MAX_ALERT_INTERVAL_SECONDS}`,
  },
  logLevel: {
    name: 'MONITORING_LOG_LEVEL',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
    mend: 'trace, debug, info, warn or error',
  },
};

/** Checks all variables; an empty one counts as absent, as many launchers pass them so. */
export function readConfiguration(env: Readonly<Record<string, string | undefined>>): ConfigurationResult {
  const problems: ConfigurationProblem[] = [];
  const values: Record<string, unknown> = {};
  for (const [field, { name, schema, mend }] of Object.entries(variables)) {
    const given = env[name]?.trim();
    const parsed = schema.safeParse(given === '' ? undefined : given);
    if (parsed.success) values[field] = parsed.data;
    else problems.push({ variable: name, mend: `must be ${mend}` });
  }
  if (problems.length > 0) return { ok: false, problems };
  // Each field was parsed by the schema of the same field.
  const configuration = values as unknown as Configuration;
  if (configuration.ingestKeys.some((key) => configuration.apiKeys.includes(key)))
    problems.push({
      variable: 'MONITORING_INGEST_KEY',
      mend: 'must not share a key with MONITORING_API_KEY: a key that sends must not read',
    });
  problems.push(...prometheusProblems(configuration));
  if ((configuration.webhookUrl === undefined) !== (configuration.webhookSecret === undefined))
    problems.push({
      variable: 'MONITORING_WEBHOOK_SECRET',
      mend: 'must be set where MONITORING_WEBHOOK_URL is, and only there: what is sent to a webhook is signed',
    });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, configuration };
}

/** What does not fit together among the variables of the Prometheus store. */
function prometheusProblems(configuration: Configuration): ConfigurationProblem[] {
  const { store, prometheusUrl, prometheusBearerToken, prometheusUsername, prometheusPassword } = configuration;
  const problems: ConfigurationProblem[] = [];
  if (store === 'prometheus' && prometheusUrl === undefined)
    problems.push({
      variable: 'PROMETHEUS_URL',
      mend: 'must be set with MONITORING_STORE=prometheus: the base address of a Prometheus-compatible server',
    });
  if ((prometheusUsername === undefined) !== (prometheusPassword === undefined))
    problems.push({
      variable: prometheusUsername === undefined ? 'PROMETHEUS_USERNAME' : 'PROMETHEUS_PASSWORD',
      mend: 'must be set, too: a user name and a password go together',
    });
  if (prometheusBearerToken !== undefined && prometheusUsername !== undefined)
    problems.push({
      variable: 'PROMETHEUS_BEARER_TOKEN',
      mend: 'must not be set together with PROMETHEUS_USERNAME: a request has one Authorization header',
    });
  return problems;
}

/** What Kubernetes sets for a Service named "monitoring". */
const OF_KUBERNETES = /^MONITORING_(?:PORT|SERVICE_(?:HOST|PORT))(?:_|$)/;

/** Variables with our prefix that this version does not read: misspelt ones, or those of another version. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const known = new Set(Object.values(variables).map(({ name }) => name));
  return Object.keys(env)
    .filter((name) => name.startsWith('MONITORING_') && !known.has(name) && !OF_KUBERNETES.test(name))
    .sort();
}

/** What is shown to the one who started the service: one line a problem. */
export function describeProblems(problems: readonly ConfigurationProblem[]): string {
  const lines = problems.map(({ variable, mend }) => `  ${variable} ${mend}.`);
  return `The configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${lines.join('\n')}\n`;
}
