import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  type Configuration,
  describeProblems,
  readConfiguration,
  unknownVariables,
  variables,
} from '../../aggregator/config.ts';
import { readEnvironment } from '../../aggregator/environment.ts';

const directory = mkdtempSync(join(tmpdir(), 'vigil-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

const defaults: Configuration = {
  host: '127.0.0.1',
  port: 8000,
  apiKeys: [],
  ingestKeys: [],
  dataDirectory: './data',
  store: 'embedded',
  prometheusUrl: undefined,
  prometheusTenant: undefined,
  prometheusBearerToken: undefined,
  prometheusUsername: undefined,
  prometheusPassword: undefined,
  prometheusServiceLabel: 'job',
  prometheusMetricsEnabled: true,
  sloFile: undefined,
  maintenanceFile: undefined,
  cacheTtlSeconds: 5,
  retentionDays: 35,
  fsync: 'grouped',
  clientAddresses: 'full',
  trustedHops: 0,
  exposeAttackers: true,
  publicUrl: undefined,
  traceUrl: undefined,
  alertmanagerUrl: undefined,
  webhookUrl: undefined,
  webhookSecret: undefined,
  slackUrl: undefined,
  alertIntervalSeconds: 30,
  logLevel: 'info',
};

describe('configuration', () => {
  test('nothing set gives the defaults, and so does everything set to nothing', () => {
    const empty = Object.fromEntries(Object.values(variables).map(({ name }) => [name, '']));
    for (const env of [{}, empty]) expect(readConfiguration(env)).toEqual({ ok: true, configuration: defaults });
  });

  const good: readonly [string, string, Partial<Configuration>][] = [
    ['HOST', '0.0.0.0', { host: '0.0.0.0' }],
    ['HOST', '::1', { host: '::1' }],
    ['PORT', '0', { port: 0 }],
    ['PORT', '65535', { port: 65535 }],
    ['MONITORING_API_KEY', 'old, new', { apiKeys: ['old', 'new'] }],
    ['MONITORING_INGEST_KEY', 'send', { ingestKeys: ['send'] }],
    ['MONITORING_DATA_DIR', '/var/lib/vigil', { dataDirectory: '/var/lib/vigil' }],
    ['MONITORING_STORE', 'embedded', { store: 'embedded' }],
    ['PROMETHEUS_URL', 'http://prometheus:9090', { prometheusUrl: 'http://prometheus:9090' }],
    ['PROMETHEUS_TENANT', 'team-a', { prometheusTenant: 'team-a' }],
    ['PROMETHEUS_BEARER_TOKEN', 'abc.def', { prometheusBearerToken: 'abc.def' }],
    ['PROMETHEUS_SERVICE_LABEL', 'service_name', { prometheusServiceLabel: 'service_name' }],
    ['PROMETHEUS_METRICS_ENABLED', 'False', { prometheusMetricsEnabled: false }],
    ['PROMETHEUS_METRICS_ENABLED', '1', { prometheusMetricsEnabled: true }],
    ['MONITORING_SLO_FILE', 'slo.yaml', { sloFile: 'slo.yaml' }],
    ['MONITORING_MAINTENANCE_FILE', 'm.yaml', { maintenanceFile: 'm.yaml' }],
    ['MONITORING_CACHE_TTL_SECONDS', '0', { cacheTtlSeconds: 0 }],
    ['MONITORING_RETENTION_DAYS', '400', { retentionDays: 400 }],
    ['MONITORING_FSYNC', 'each', { fsync: 'each' }],
    ['MONITORING_CLIENT_ADDRESSES', 'pseudonym', { clientAddresses: 'pseudonym' }],
    ['MONITORING_TRUSTED_HOPS', '2', { trustedHops: 2 }],
    ['MONITORING_EXPOSE_ATTACKERS', 'false', { exposeAttackers: false }],
    ['MONITORING_PUBLIC_URL', 'https://vigil.example/', { publicUrl: 'https://vigil.example/' }],
    ['MONITORING_TRACE_URL', 'https://t.example/{trace_id}', { traceUrl: 'https://t.example/{trace_id}' }],
    ['MONITORING_ALERTMANAGER_URL', 'http://am:9093/', { alertmanagerUrl: 'http://am:9093/' }],
    ['MONITORING_SLACK_URL', 'https://hooks.example/T/B', { slackUrl: 'https://hooks.example/T/B' }],
    ['MONITORING_ALERT_INTERVAL_SECONDS', '5', { alertIntervalSeconds: 5 }],
    ['MONITORING_LOG_LEVEL', 'debug', { logLevel: 'debug' }],
  ];
  test.each(good)('%s=%s', (name, value, change) => {
    expect(readConfiguration({ [name]: value })).toEqual({ ok: true, configuration: { ...defaults, ...change } });
  });

  const bad: readonly [string, string][] = [
    ['HOST', 'http://localhost'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80a'],
    ['MONITORING_API_KEY', 'one,,two'],
    ['MONITORING_API_KEY', 'has a space'],
    ['MONITORING_INGEST_KEY', 'ключ'],
    ['MONITORING_STORE', 'postgres'],
    ['PROMETHEUS_URL', 'prometheus:9090'],
    ['PROMETHEUS_URL', 'http://user:secret@prometheus:9090'],
    ['PROMETHEUS_URL', 'http://prometheus:9090/?tenant=a'],
    ['PROMETHEUS_TENANT', 'team a'],
    ['PROMETHEUS_BEARER_TOKEN', 'two words'],
    ['PROMETHEUS_USERNAME', 'us:er'],
    ['PROMETHEUS_SERVICE_LABEL', 'service.name'],
    ['PROMETHEUS_METRICS_ENABLED', 'maybe'],
    ['MONITORING_CACHE_TTL_SECONDS', '5.5'],
    ['MONITORING_RETENTION_DAYS', '0'],
    ['MONITORING_CLIENT_ADDRESSES', 'none'],
    ['MONITORING_TRUSTED_HOPS', '99'],
    ['MONITORING_EXPOSE_ATTACKERS', 'no way'],
    ['MONITORING_PUBLIC_URL', 'ftp://vigil.example'],
    ['MONITORING_TRACE_URL', 'https://t.example/'],
    ['MONITORING_ALERTMANAGER_URL', 'alertmanager:9093'],
    ['MONITORING_WEBHOOK_URL', 'mailto:someone'],
    ['MONITORING_WEBHOOK_SECRET', 'whsec_short'],
    ['MONITORING_WEBHOOK_SECRET', 'fifteen-letters'],
    ['MONITORING_SLACK_URL', '#alerts'],
    ['MONITORING_ALERT_INTERVAL_SECONDS', '0'],
    ['MONITORING_LOG_LEVEL', 'loud'],
  ];
  test.each(bad)('%s=%s is refused', (name, value) => {
    const result = readConfiguration({ [name]: value });
    expect(result).toMatchObject({ ok: false, problems: [{ variable: name }] });
  });

  test('all problems come together, none with its value', () => {
    const result = readConfiguration(Object.fromEntries(bad));
    if (result.ok) throw new Error('these values should be refused');
    const names = new Set(bad.map(([name]) => name));
    expect(new Set(result.problems.map(({ variable }) => variable))).toEqual(names);
    const text = describeProblems(result.problems);
    for (const name of names) expect(text).toContain(name);
    for (const value of Object.values(Object.fromEntries(bad)).filter((value) => value.length > 3))
      expect(text).not.toContain(value);
  });

  test('a key may not both read and send when they are kept apart', () => {
    const result = readConfiguration({ MONITORING_API_KEY: 'a,b', MONITORING_INGEST_KEY: 'c,b' });
    expect(result).toMatchObject({ ok: false, problems: [{ variable: 'MONITORING_INGEST_KEY' }] });
  });

  test('what belongs to the Prometheus store fits together', () => {
    const url = { MONITORING_STORE: 'prometheus', PROMETHEUS_URL: 'http://mimir/prometheus' };
    const basic = { PROMETHEUS_USERNAME: 'vigil', PROMETHEUS_PASSWORD: 'p:w' };
    const problemOf = (env: Record<string, string>) => {
      const result = readConfiguration(env);
      return result.ok ? undefined : result.problems.map(({ variable }) => variable).join();
    };
    expect(problemOf({ ...url, ...basic })).toBeUndefined();
    expect(problemOf({ MONITORING_STORE: 'prometheus' })).toBe('PROMETHEUS_URL');
    expect(problemOf({ ...url, PROMETHEUS_USERNAME: 'vigil' })).toBe('PROMETHEUS_PASSWORD');
    expect(problemOf({ ...url, PROMETHEUS_PASSWORD: 'p' })).toBe('PROMETHEUS_USERNAME');
    expect(problemOf({ ...url, ...basic, PROMETHEUS_BEARER_TOKEN: 't' })).toBe('PROMETHEUS_BEARER_TOKEN');
  });

  test('a webhook needs a secret, and a secret a webhook', () => {
    const url = { MONITORING_WEBHOOK_URL: 'https://hooks.example/vigil' };
    for (const secret of ['sixteen-letters!', `whsec_${Buffer.alloc(24, 1).toString('base64')}`]) {
      const alone = { MONITORING_WEBHOOK_SECRET: secret };
      expect(readConfiguration({ ...url, ...alone })).toMatchObject({ configuration: { webhookSecret: secret } });
      for (const half of [url, alone])
        expect(readConfiguration(half)).toMatchObject({ problems: [{ variable: 'MONITORING_WEBHOOK_SECRET' }] });
    }
  });

  test('variables of ours that nothing reads are named; those that Kubernetes sets are not ours', () => {
    const ofKubernetes = ['PORT', 'PORT_8000_TCP_ADDR', 'SERVICE_HOST', 'SERVICE_PORT', 'SERVICE_PORT_HTTP'];
    const names = [...Object.values(variables).map(({ name }) => name), ...ofKubernetes.map((n) => `MONITORING_${n}`)];
    const env = Object.fromEntries([...names, 'PATH'].map((name) => [name, 'x']));
    expect(unknownVariables(env)).toEqual([]);
    expect(unknownVariables({ ...env, MONITORING_RETENTION_DAY: '7', MONITORING_PORTS: '1' })).toEqual([
      'MONITORING_PORTS',
      'MONITORING_RETENTION_DAY',
    ]);
  });

  test('a .env file is read where there is one, and the environment stands above it', () => {
    const env = { PORT: '9000' };
    expect(readEnvironment(directory, env)).toEqual(env);
    writeFileSync(join(directory, '.env'), '# comment\nPORT=7000\nHOST="0.0.0.0"\n');
    expect(readEnvironment(directory, env)).toEqual({ PORT: '9000', HOST: '0.0.0.0' });
  });
});
