import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { pauseMs } from '../../../aggregator/alerts/courier.ts';
import { type AlertOptions, type AlertService, createAlerts } from '../../../aggregator/alerts/service.ts';
import { signature } from '../../../aggregator/alerts/webhook.ts';
import type { AlertCondition } from '../../../aggregator/domain/alert.ts';
import { createOwnMetrics, type OwnMetrics } from '../../../aggregator/metrics.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { type AlertReceiver, startReceiver, until } from '../../support/alert-receiver.ts';
import { keepLog } from '../../support/read-side.ts';

const SECRET = 'a-secret-of-the-webhook';
const START_MS = Date.UTC(2026, 0, 15, 12);

let directory: string;
let hook: AlertReceiver;
let nowMs: number;
let conditions: AlertCondition[];
let kept: ReturnType<typeof keepLog>;
let metrics: OwnMetrics;
const services: AlertService[] = [];

beforeEach(async () => {
  directory = temporaryDirectory();
  hook = await startReceiver();
  nowMs = START_MS;
  conditions = [];
  kept = keepLog();
});
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.close()));
  await hook.close();
});

/** A service over the conditions of the test, as a start of the process makes it. */
function start(changes: Partial<AlertOptions> = {}): AlertService {
  metrics = createOwnMetrics();
  const service = createAlerts({
    alertmanagerUrl: undefined,
    webhookUrl: `${hook.url}/hook`,
    webhookSecret: SECRET,
    slackUrl: undefined,
    publicUrl: 'https://vigil.example/',
    alertIntervalSeconds: 30,
    readConditions: async () => [{ group: 'objectives', name: 'all', alerts: [], conditions }],
    directory,
    ownMetrics: metrics,
    log: kept.log,
    nowMs: () => nowMs,
    firstPauseMs: 5,
    ...changes,
  });
  services.push(service);
  return service;
}

function burning(state: AlertCondition['state'] = 'firing', labels: Record<string, string> = {}): AlertCondition {
  return {
    name: 'SloBurnRate',
    labels: { sloth_slo: 'mutation-success', severity: 'page', long_window: '1h', ...labels },
    state,
    forSeconds: 0,
    text: {
      summary: 'Budget <burns>',
      description: 'It lasts 1.2 days & less.',
      path: '/objectives/mutation-success/',
    },
  };
}

const types = (receiver = hook) => receiver.bodies().map(({ type }) => type);
const owed = () =>
  metrics.families().find(({ name }) => name === 'aggregator_alert_notifications_owed')?.samples[0].value;
const settled = () => until('nothing is owed', () => owed() === 0);

test('each change is told once, with what a person needs', async () => {
  const service = start();
  conditions = [burning()];
  await service.tick();
  await service.tick();
  await settled();
  nowMs += 12 * 60_000;
  conditions = [burning('inactive')];
  await service.tick();
  await settled();
  expect(hook.bodies()).toEqual([
    {
      type: 'alert.firing',
      timestamp: '2026-01-15T12:00:00.000Z',
      data: {
        id: expect.any(String),
        status: 'firing',
        name: 'SloBurnRate',
        labels: burning().labels,
        summary: 'Budget <burns>',
        description: 'It lasts 1.2 days & less.',
        starts_at: '2026-01-15T12:00:00.000Z',
        ends_at: null,
        dashboard_url: 'https://vigil.example/objectives/mutation-success/',
      },
    },
    {
      type: 'alert.resolved',
      timestamp: '2026-01-15T12:12:00.000Z',
      data: expect.objectContaining({
        status: 'resolved',
        description: expect.stringMatching(/^It is over after 12 minutes\./),
        ends_at: '2026-01-15T12:12:00.000Z',
      }),
    },
  ]);
});

test('a webhook is signed as Standard Webhooks says', async () => {
  // The vector that the specification's own libraries are tested with.
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  expect(signature(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}')).toBe(
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  );
  const service = start();
  conditions = [burning()];
  await service.tick();
  await settled();
  const [{ headers, text }] = hook.received;
  const id = String(headers['webhook-id']);
  expect(headers['webhook-timestamp']).toBe(String(START_MS / 1000));
  expect(headers['webhook-signature']).toBe(signature(SECRET, id, START_MS / 1000, text));
});

test('the README’s snippet tells a webhook of ours from one that was changed, or is old', async () => {
  const readme = readFileSync(resolve(import.meta.dirname, '../../../aggregator/README.md'), 'utf8');
  const snippet = /```js\n(import \{ createHmac[\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const file = join(directory, 'verify.mjs');
  writeFileSync(file, snippet);
  const { isFromVigil } = await import(pathToFileURL(file).href);
  const service = start();
  nowMs = Date.now();
  conditions = [burning()];
  await service.tick();
  await settled();
  const [{ headers, text }] = hook.received;
  expect(isFromVigil(headers, text, SECRET)).toBe(true);
  expect(isFromVigil(headers, `${text} `, SECRET)).toBe(false);
  expect(isFromVigil(headers, text, `${SECRET}x`)).toBe(false);
  const old = { 'webhook-id': 'x', 'webhook-timestamp': '1000' };
  const signed = { ...old, 'webhook-signature': signature(SECRET, 'x', 1000, text) };
  expect(isFromVigil(signed, text, SECRET)).toBe(false);
});

test('a receiver that fails is tried again under the same id until it takes it', async () => {
  const service = start();
  hook.answer = 503;
  conditions = [burning()];
  await service.tick();
  await until('three attempts', () => hook.received.length >= 3);
  hook.answer = 200;
  await settled();
  expect(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  const messages = kept.lines().map(({ message }) => message);
  // One line when it begins and one when it ends, however long it takes.
  expect(messages.filter((message) => String(message).includes('cannot be delivered'))).toHaveLength(1);
  expect(messages.filter((message) => String(message).includes('delivered again'))).toHaveLength(1);
});

test('one that refuses a body is not asked again', async () => {
  const service = start();
  hook.answer = 422;
  conditions = [burning()];
  await service.tick();
  await settled();
  expect(hook.received).toHaveLength(1);
  expect(kept.lines().at(-1)).toMatchObject({ level: 'error', destination: 'webhook', reason: 'answered with 422' });
});

test('a webhook that hangs delays nobody else, and is given up after a while', async () => {
  const slack = await startReceiver();
  const service = start({ slackUrl: slack.url, timeoutMs: 200 });
  hook.answer = 'hang';
  conditions = [burning()];
  await service.tick();
  await until('Slack was told', () => slack.received.length === 1);
  expect(hook.received).toHaveLength(1);
  await until('the webhook is tried again', () => hook.received.length > 1);
  expect(slack.received).toHaveLength(1);
  hook.answer = 200;
  await settled();
  await slack.close();
});

test('what Slack shows cannot be forged by names that came with telemetry', async () => {
  const service = start({ webhookUrl: undefined, webhookSecret: undefined, slackUrl: hook.url });
  conditions = [burning()];
  await service.tick();
  await settled();
  const [{ text, attachments }] = hook.bodies<{
    text: string;
    attachments: { blocks: { text?: { text: string } }[] }[];
  }>();
  expect(text).toBe('Page: Budget &lt;burns&gt;');
  expect(attachments[0].blocks[0].text?.text).toBe(
    '*Page: Budget &lt;burns&gt;*\nIt lasts 1.2 days &amp; less.\n<https://vigil.example/objectives/mutation-success/|Open the dashboard>',
  );
});

test('a restart tells nothing twice, and what was owed is told after it', async () => {
  const first = start();
  conditions = [burning(), burning('inactive', { sloth_slo: 'other' })];
  await first.tick();
  await settled();
  hook.answer = 500;
  conditions = [burning(), burning('firing', { sloth_slo: 'other' })];
  await first.tick();
  await until('an attempt', () => hook.received.length === 2);
  await first.close();
  hook.answer = 200;
  const second = start();
  expect(second.active()).toHaveLength(2);
  await second.tick();
  await settled();
  await second.tick();
  const told = hook.bodies().map(({ type, data }) => `${type} ${data.labels['sloth_slo']}`);
  expect(new Set(told)).toEqual(new Set(['alert.firing mutation-success', 'alert.firing other']));
  expect(told.filter((each) => each.endsWith('mutation-success'))).toHaveLength(1);
  expect(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size).toBe(2);
});

test('what began and ended while nobody listened is told when it is over, once', async () => {
  const service = start();
  hook.answer = 500;
  conditions = [burning()];
  await service.tick();
  await until('an attempt', () => hook.received.length > 0);
  conditions = [burning('inactive')];
  await service.tick();
  const before = hook.received.length;
  hook.answer = 200;
  await settled();
  const last = hook.bodies().at(-1);
  expect(last?.type).toBe('alert.resolved');
  expect(
    hook
      .bodies()
      .slice(before)
      .filter(({ type }) => type === 'alert.resolved'),
  ).toHaveLength(1);
});

test('a page says all that the ticket of its objective would, and what nobody heard of ends unheard', async () => {
  const service = start();
  const ticket = (state: AlertCondition['state']) => burning(state, { severity: 'ticket', long_window: '1d' });
  conditions = [ticket('firing'), burning()];
  await service.tick();
  await settled();
  expect(hook.bodies().map(({ data }) => data.labels['severity'])).toEqual(['page']);
  conditions = [ticket('firing'), burning('inactive')];
  await service.tick();
  await settled();
  // The page is over and the ticket is not.
  expect(
    hook
      .bodies()
      .map(({ type, data }) => `${type} ${data.labels['severity']}`)
      .sort(),
  ).toEqual(['alert.firing page', 'alert.firing ticket', 'alert.resolved page']);
});

test('a store that cannot answer leaves everything as it is', async () => {
  const service = start();
  conditions = [burning()];
  await service.tick();
  await settled();
  const broken = { readConditions: () => Promise.reject(new Error('no disk')) };
  await service.close();
  const second = start(broken);
  await second.tick();
  expect(second.active()).toMatchObject([{ phase: 'firing' }]);
  expect(types()).toEqual(['alert.firing']);
  expect(kept.lines().at(-1)).toMatchObject({ message: 'alerts could not be judged and stay as they are' });
});

test('a group that cannot be read keeps its alerts as they are, pending ones too, and is told of once', async () => {
  const threat: AlertCondition = { ...burning(), name: 'HighThreatScore', labels: { severity: 'ticket' } };
  const pending: AlertCondition = { ...threat, name: 'Waits', forSeconds: 600 };
  const error = new Error('too many clients');
  let isBroken = false;
  const service = start({
    readConditions: async () => [
      { group: 'objectives', name: 'success', alerts: [burning()], conditions },
      {
        group: 'security',
        name: 'HighThreatScore',
        alerts: [threat, pending],
        ...(isBroken ? { error } : { conditions: [threat, pending] }),
      },
    ],
  });
  conditions = [burning('inactive')];
  await service.tick();
  const before = service.active();
  expect(before.map(({ name, phase }) => `${name} ${phase}`)).toEqual(['HighThreatScore firing', 'Waits pending']);
  isBroken = true;
  conditions = [burning()];
  for (let i = 0; i < 3; i++) {
    nowMs += 60_000;
    await service.tick();
  }
  expect(service.active().filter(({ name }) => name !== 'SloBurnRate')).toEqual(before);
  expect(service.active().map(({ name }) => name)).toContain('SloBurnRate');
  isBroken = false;
  await service.tick();
  await settled();
  expect(types()).toEqual(['alert.firing', 'alert.firing']);
  const told = kept.lines().filter(({ what }) => what !== undefined);
  expect(told).toMatchObject([
    { level: 'error', what: 'security: HighThreatScore', err: { message: 'too many clients' } },
    { level: 'info', what: 'security: HighThreatScore', message: 'alerts can be judged again' },
  ]);
  const valuesOf = (name: string) =>
    Object.fromEntries(
      metrics
        .families()
        .find((family) => family.name === name)
        ?.samples.map(({ labels, value }) => [labels[0][1], value]) ?? [],
    );
  expect(valuesOf('aggregator_alert_group_failures_total')).toMatchObject({ security: 3, objectives: 0 });
  expect(valuesOf('aggregator_alert_evaluations_total')).toEqual({ done: 2, partial: 3, failed: 0 });
});

test('a damaged state is moved away and said, and does not keep the service from starting', async () => {
  writeFileSync(join(directory, 'alerts.json'), '{"version":1,"entries":[{"alert"');
  const service = start();
  expect(service.active()).toEqual([]);
  expect(readFileSync(join(directory, 'alerts.json.damaged'), 'utf8')).toContain('"entries"');
  expect(kept.lines()[0]).toMatchObject({ level: 'error', path: join(directory, 'alerts.json.damaged') });
});

test('neither the address nor the secret of a destination reaches the log', async () => {
  const service = start({ webhookUrl: `${hook.url}/a-secret-path` });
  hook.answer = 302;
  hook.headers = { Location: '/elsewhere' };
  conditions = [burning()];
  await service.tick();
  await until('an attempt', () => hook.received.length > 0);
  await service.close();
  // A redirect is not followed.
  expect(new Set(hook.received.map(({ path }) => path))).toEqual(new Set(['/a-secret-path']));
  for (const secret of ['a-secret-path', SECRET]) expect(JSON.stringify(kept.lines())).not.toContain(secret);
});

test('Alertmanager is told the state of everything, an end too, and of one alert its last stretch alone', async () => {
  const service = start({ webhookUrl: undefined, webhookSecret: undefined, alertmanagerUrl: `${hook.url}/am/` });
  const steps: readonly AlertCondition['state'][] = ['firing', 'inactive', 'firing'];
  for (const state of steps) {
    conditions = [burning(state)];
    await service.tick();
    await settled();
    nowMs += 60_000;
  }
  await service.tick();
  await until('a fourth round', () => hook.received.length === 4);
  expect(new Set(hook.received.map(({ path }) => path))).toEqual(new Set(['/am/api/v2/alerts']));
  type Round = { labels: Record<string, string>; startsAt: string; endsAt: string }[];
  const rounds = hook.bodies<Round>();
  expect(rounds.map((round) => round.length)).toEqual([1, 1, 1, 1]);
  expect(rounds[0][0]).toMatchObject({
    labels: { alertname: 'SloBurnRate', ...burning().labels },
    annotations: { dashboard: 'https://vigil.example/objectives/mutation-success/' },
    endsAt: new Date(START_MS + 4 * 60_000).toISOString(),
  });
  expect(rounds[1][0].endsAt).toBe(new Date(START_MS + 60_000).toISOString());
  expect(rounds[3][0].startsAt).toBe(new Date(START_MS + 120_000).toISOString());
});

test('Alertmanager hears of what it inhibits after what inhibits it', async () => {
  const service = start({ webhookUrl: undefined, webhookSecret: undefined, alertmanagerUrl: hook.url });
  const slower = burning('firing', { long_window: '6h' });
  conditions = [slower, burning(), burning('firing', { sloth_slo: 'other', severity: 'ticket' })];
  await service.tick();
  await settled();
  const rounds = hook.bodies<{ labels: Record<string, string> }[]>();
  expect(rounds.map((round) => round.map(({ labels }) => `${labels['sloth_slo']} ${labels['long_window']}`))).toEqual([
    ['mutation-success 1h', 'other 1h'],
    ['mutation-success 6h'],
  ]);
});

test('pauses grow, within bounds, and a receiver may ask for longer ones', () => {
  expect([1, 2, 3, 7, 100].map((failures) => pauseMs(failures))).toEqual([1000, 2000, 4000, 60_000, 60_000]);
  expect(pauseMs(1, 1000, 30)).toBe(30_000);
  expect(pauseMs(1, 1000, 999_999)).toBe(900_000);
});

test('the first judgement leaves a start a second, and does not wait for an interval', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
  try {
    let judged = 0;
    const readConditions = async () => {
      judged++;
      return [];
    };
    const service = start({ readConditions });
    service.start();
    await vi.advanceTimersByTimeAsync(900);
    expect(judged).toBe(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(judged).toBe(1);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(judged).toBe(2);
    const closed = start({ readConditions });
    closed.start();
    await closed.close();
    await vi.advanceTimersByTimeAsync(2000);
    expect(judged).toBe(2);
  } finally {
    vi.useRealTimers();
  }
});
