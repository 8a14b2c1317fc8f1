import { expect, test } from 'vitest';
import { alertmanagerRequests } from '../../../aggregator/alerts/alertmanager.ts';
import { slackRequest } from '../../../aggregator/alerts/slack.ts';
import { webhookRequest } from '../../../aggregator/alerts/webhook.ts';
import type { Alert } from '../../../aggregator/domain/alert.ts';

const NAME = 'pay\u001b[2J\u0000\n*All is well*\u202egnp';
const SHOWN = 'pay\\u001b[2J\\u0000\\u000a*All is well*\\u202egnp';

const alert: Alert = {
  id: 'one',
  name: 'HighMutationFailureRate',
  labels: { severity: 'page' },
  phase: 'firing',
  sinceMs: 0,
  firedMs: 0,
  text: { summary: `${NAME} fails`, description: `Mostly ${NAME}.`, path: '/' },
};

const publicUrl = 'https://vigil.example';
const url = 'https://receiver.example/';

test.each([
  ['Slack', slackRequest(alert, 'firing', { url, publicUrl })],
  ['a webhook', webhookRequest(alert, 'firing', { url, publicUrl, secret: 'secret' }, 0)],
  ['Alertmanager', alertmanagerRequests([{ alert, owed: {}, told: {} }], { url, publicUrl, intervalMs: 1 }, 0)[0]],
])('%s is told of a name without what would hide it, or begin lines of its own', (_name, request) => {
  const texts: string[] = [];
  JSON.parse(request.body, (_key, value) => {
    if (typeof value === 'string') texts.push(value);
    return value;
  });
  const naming = texts.filter((text) => text.includes('pay'));
  expect(naming.length).toBeGreaterThanOrEqual(2);
  for (const text of naming) expect(text).toContain(SHOWN);
});
