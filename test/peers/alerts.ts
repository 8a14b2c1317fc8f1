/**
 * Alerts of the aggregator at a real Alertmanager with the project's own routes, at a webhook that verifies signatures,
 * and at one that hangs: everything is told, once, through the end of each of them and a kill -9 of the aggregator.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { freePort, type RunningAggregator, startAggregator, temporaryDirectory } from '../support/aggregator.ts';
import { type AlertReceiver, type ReceivedAlert, startReceiver, until } from '../support/alert-receiver.ts';
import { metricsBody } from '../support/otlp-json.ts';

const ROUTES = resolve(import.meta.dirname, '../../otel-config/alertmanager/alertmanager.yaml');
const SECRET = 'a-secret-of-the-webhook';
const HOUR_MS = 3_600_000;
const OBJECTIVES = ['mutation-latency-p95', 'mutation-latency-p99', 'mutation-success'];

/** What Alertmanager sends to a receiver. */
interface Notification {
  readonly status: 'firing' | 'resolved';
  readonly groupLabels: Readonly<Record<string, string>>;
  readonly alerts: readonly { readonly status: string; readonly labels: Readonly<Record<string, string>> }[];
}

let passed = 0;
let failed = 0;
async function check(name: string, holds: () => Promise<void> | void): Promise<void> {
  try {
    await holds();
    passed++;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}: ${error instanceof Error ? error.message : error}`);
  }
}

function expectEqual(found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${a} instead of ${b}`);
}

/** The project's routes, with one receiver of ours behind each name, and without the pauses that spare people. */
function writeRoutes(file: string, url: string): void {
  const config = parse(readFileSync(ROUTES, 'utf8'));
  Object.assign(config.route, { group_wait: '1s', group_interval: '1s', repeat_interval: '1h' });
  for (const receiver of config.receivers)
    receiver.webhook_configs = [{ url: `${url}/${receiver.name}`, send_resolved: true }];
  writeFileSync(file, stringify(config));
}

async function startAlertmanager(port: number, directory: string): Promise<ChildProcess> {
  const settings = [
    `--config.file=${join(directory, 'alertmanager.yaml')}`,
    `--storage.path=${join(directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--cluster.listen-address=',
    '--log.level=error',
  ];
  const child = spawn('prometheus-alertmanager', settings, { stdio: ['ignore', 'inherit', 'inherit'] });
  await once(child, 'spawn');
  process.once('exit', () => child.kill('SIGKILL'));
  const isReady = async () => (await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined))?.ok === true;
  await until('Alertmanager is ready', isReady);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const cap = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exited;
  clearTimeout(cap);
}

/** Mutations of one outcome, at one time. */
async function send(
  aggregator: RunningAggregator,
  instance: string,
  outcome: 'success' | 'failure',
  times: number,
  { ageMs = 0, seconds = 0.1 } = {},
): Promise<void> {
  const timeMs = Date.now() - ageMs;
  const body = metricsBody([
    {
      metric: 'vigil.mutation.duration',
      instance,
      attributes: { 'vigil.mutation.name': 'CreateJob', 'vigil.mutation.outcome': outcome },
      cumulative: false,
      startMs: timeMs - 1,
      timeMs,
      values: new Array<number>(times).fill(seconds),
      shape: 'explicit',
      edges: [0.1, 0.5, 1, 5],
    },
  ]);
  const answer = await aggregator.post('/v1/metrics', body, { 'Content-Type': 'application/json' });
  if (answer.status !== 200) throw new Error(`points were answered with ${answer.status}`);
}

/** As a receiver verifies it. */
function isSigned({ headers, text }: ReceivedAlert): boolean {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
  return headers['webhook-signature'] === `v1,${createHmac('sha256', SECRET).update(signed).digest('base64')}`;
}

const toldOf = (hook: AlertReceiver, type: string) =>
  hook.bodies().flatMap((body) => (body.type === type ? [body.data.labels['sloth_slo']] : []));
const groupsOf = (receiver: AlertReceiver, status: Notification['status']) =>
  receiver.bodies<Notification>().flatMap((each) => (each.status === status ? [each.groupLabels['sloth_slo']] : []));
const all = (found: readonly string[]) => OBJECTIVES.every((id) => found.includes(id));

const directory = temporaryDirectory();
const port = await freePort();
const [notified, hook, slack] = await Promise.all([startReceiver(), startReceiver(), startReceiver()]);
writeRoutes(join(directory, 'alertmanager.yaml'), notified.url);
slack.answer = 'hang';
const env = {
  MONITORING_ALERT_INTERVAL_SECONDS: '1',
  MONITORING_ALERTMANAGER_URL: `http://127.0.0.1:${port}`,
  MONITORING_WEBHOOK_URL: hook.url,
  MONITORING_WEBHOOK_SECRET: SECRET,
  MONITORING_SLACK_URL: slack.url,
  MONITORING_PUBLIC_URL: 'http://vigil.example',
};
let aggregator = await startAggregator({ env });
let alertmanager: ChildProcess | undefined;

await check(
  'a webhook is told of each objective that burns, signed, while Slack hangs and no Alertmanager is there',
  async () => {
    await send(aggregator, 'earlier', 'success', 1, { ageMs: 7 * HOUR_MS });
    await send(aggregator, 'bad', 'failure', 100, { seconds: 3 });
    await until('the webhook was told of all', () => all(toldOf(hook, 'alert.firing')));
    expectEqual(slack.received.length, 1);
    if (!hook.received.every(isSigned)) throw new Error('a signature is wrong');
  },
);

await check('an Alertmanager that comes late gets everything, under the labels of the Prometheus rules', async () => {
  alertmanager = await startAlertmanager(port, directory);
  await until('one notification a group', () => all(groupsOf(notified, 'firing')), 20_000);
  const query = [
    'alert',
    'query',
    '--inhibited',
    '--active',
    `--alertmanager.url=${env.MONITORING_ALERTMANAGER_URL}`,
    '-o',
    'json',
  ];
  const { stdout } = spawnSync('amtool', query, { encoding: 'utf8', timeout: 10_000 });
  const labels = (JSON.parse(stdout) as { labels: Record<string, string> }[]).map((each) => each.labels);
  const names = ['alertname', 'long_window', 'severity', 'short_window', 'sloth_id', 'sloth_service', 'sloth_slo'];
  for (const each of labels) expectEqual(Object.keys(each).sort(), names);
  // Two pages an objective, of which the slower is inhibited.
  expectEqual(labels.length, 2 * OBJECTIVES.length);
});

await check('its routes group by objective, call the pages, and hide the slower page behind the faster', () => {
  expectEqual(new Set(notified.received.map(({ path }) => path)).size, 1);
  expectEqual(notified.received[0].path, '/pages');
  for (const { alerts } of notified.bodies<Notification>())
    expectEqual(
      alerts.map(({ labels }) => labels['long_window']),
      ['1h'],
    );
});

await check('Alertmanager away for a while, then the aggregator killed with -9: nobody is told twice', async () => {
  if (alertmanager === undefined) throw new Error('there is no Alertmanager');
  await end(alertmanager);
  await delay(3000);
  alertmanager = await startAlertmanager(port, directory);
  await aggregator.stop('SIGKILL');
  slack.answer = 200;
  aggregator = await startAggregator({ directory: aggregator.directory, env });
  await until(
    'Slack was told what it had missed',
    () => new Set(slack.received.map(({ text }) => text)).size >= OBJECTIVES.length,
  );
  await delay(3000);
  expectEqual(toldOf(hook, 'alert.firing').sort(), OBJECTIVES);
  expectEqual(groupsOf(notified, 'firing').sort(), OBJECTIVES);
});

await check('an end while Alertmanager is away is told by all of them, once', async () => {
  if (alertmanager === undefined) throw new Error('there is no Alertmanager');
  await end(alertmanager);
  await send(aggregator, 'good', 'success', 20_000);
  await until('the webhook was told of all ends', () => all(toldOf(hook, 'alert.resolved')));
  alertmanager = await startAlertmanager(port, directory);
  await until('Alertmanager told of all ends', () => all(groupsOf(notified, 'resolved')), 20_000);
  await delay(3000);
  expectEqual(toldOf(hook, 'alert.resolved').sort(), OBJECTIVES);
  expectEqual(groupsOf(notified, 'resolved').sort(), OBJECTIVES);
  expectEqual(toldOf(hook, 'alert.firing').sort(), OBJECTIVES);
});

await aggregator.stop();
if (alertmanager !== undefined) await end(alertmanager);
await Promise.all([notified, hook, slack].map((receiver) => receiver.close()));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
