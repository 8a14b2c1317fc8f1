/** What a browser is told about a page, and what a page makes of names that come from outside. */
import { beforeEach, describe, expect, test } from 'vitest';
import { TELEMETRY_STOPPED_SECONDS } from '../../../aggregator/domain/telemetry-rules.ts';
import { STALE_SECONDS } from '../../../aggregator/page/layout.ts';
import { createReadSide, NOW_MS, READ_KEY, type ReadSide } from '../../support/read-side.ts';
import { HOSTILE_NAMES } from '../../support/scenarios.ts';
import { duplicatedKeys, requests } from '../../support/task-points.ts';

const PAGES = [
  '/',
  '/mutations/',
  '/mutations/LoginUser/',
  '/tasks/',
  '/security/',
  '/objectives/',
  '/objectives/mutation-success/',
  '/docs/',
];

let side: ReadSide;
beforeEach(() => {
  side = createReadSide();
});

function fill(): void {
  side.store.add({ name: 'LoginUser', seconds: 0.1, atMs: NOW_MS - 60_000 }, 20);
}

async function textOf(path: string): Promise<string> {
  return (await side.get(path)).text();
}

/** A policy as its directives. */
function policyOf(answer: Response): Map<string, string> {
  const directives = (answer.headers.get('content-security-policy') ?? '').split('; ');
  return new Map(directives.map((each) => [each.split(' ')[0], each.split(' ').slice(1).join(' ')]));
}

test.each([...PAGES, '/sign-in'])('%s runs no script but the service’s own, and stands in no frame', async (path) => {
  fill();
  const answer = await side.get(path);
  expect(answer.status).toBe(200);
  const policy = policyOf(answer);
  expect(policy.get('default-src')).toBe("'none'");
  expect(policy.get('script-src')).toBe("'self'");
  expect(policy.get('style-src')).toBe("'self'");
  expect(policy.get('frame-ancestors')).toBe("'none'");
  expect(policy.get('base-uri')).toBe("'none'");
  expect(policy.get('form-action')).toBe("'self'");
  expect(answer.headers.get('x-frame-options')).toBe('DENY');
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const text = await answer.text();
  expect(text).toContain('<h1');
  // What the policy would forbid is not there either.
  expect(text).not.toMatch(/<script(?![^>]* src=)/);
  expect(text).not.toMatch(/\s(?:on[a-z]+|style)=/);
  for (const [, address] of text.matchAll(/\s(?:src|href|action)="([^"]*)"/g)) {
    expect(address, path).toMatch(/^(?:\/(?!\/)|#|data:image\/svg)/);
    expect(address).not.toContain(READ_KEY);
  }
});

describe('names from outside stay text', () => {
  test.each(HOSTILE_NAMES)('%s', async (name) => {
    side.store.add({ name, outcome: 'failure', errorType: name, seconds: 2, atMs: NOW_MS - 60_000 }, 30);
    const attack = { 'vigil.security.category': 'sqli', 'vigil.security.pattern': name };
    side.store.addPoints(
      [
        {
          metric: 'vigil.task.requests',
          attributes: {
            'vigil.task.name': name,
            'vigil.idempotency.scope': name,
            'vigil.idempotency.outcome': 'prevented',
          },
          values: [5],
          shape: 'sum',
          service: name,
        },
        {
          metric: 'vigil.security.blocks',
          attributes: { ...attack, 'vigil.security.action': 'blocked', 'vigil.security.surface': 'http' },
          values: [9],
          shape: 'sum',
          service: name,
        },
        {
          metric: 'vigil.security.clients',
          attributes: { ...attack, 'client.address': name },
          values: [9],
          shape: 'sum',
          service: name,
        },
      ],
      NOW_MS - 60_000,
    );
    let shown = 0;
    for (const path of [...PAGES, `/mutations/${encodeURIComponent(name)}/`, `/?service=${encodeURIComponent(name)}`]) {
      const text = await textOf(path);
      if (text.includes(escaped(name))) shown++;
      expect(text, path).not.toContain(name);
      expect(text, path).not.toMatch(/<(?:img|iframe|object|embed)\b/);
      expect(text, path).not.toMatch(/<svg(?! class="(?:gauge|bar|spark)| viewBox)/);
    }
    // Else the test would hold of pages that show nothing.
    expect(shown).toBeGreaterThan(5);
  });
});

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

test('no key stands in a page, an address or the log, whichever way it came', async () => {
  fill();
  for (const path of PAGES) expect(await textOf(path)).not.toContain(READ_KEY);
  const inAddress = await side.app.request(`/?key=${READ_KEY}`);
  expect(inAddress.status).toBe(303);
  await side.get(`/mutations/${READ_KEY}/?service=${READ_KEY}`);
  await side.app.request('/', { headers: { Authorization: `Bearer ${READ_KEY}x` } });
  expect(side.lines().length).toBeGreaterThan(0);
  expect(JSON.stringify(side.lines())).not.toContain(READ_KEY);
});

test('the table of mutations is filtered by the address, and keeps what was chosen', async () => {
  for (const name of ['LoginUser', 'LogoutUser', 'CreateJob']) side.store.add({ name, seconds: 0.1, atMs: NOW_MS });
  const names = (text: string) => [...text.matchAll(/href="\/mutations\/(\w+)\//g)].map(([, name]) => name);
  expect(names(await textOf('/mutations/?sort=name'))).toEqual(['CreateJob', 'LoginUser', 'LogoutUser']);
  const filtered = await textOf('/mutations/?sort=name&name=LOG&window=6h');
  expect(names(filtered)).toEqual(['LoginUser', 'LogoutUser']);
  expect(filtered).toContain('Mutations (2 of 3)');
  const hiddenOf = (text: string, form: string) => {
    const [, inside] = new RegExp(`<form class="${form}"(.*?)</form>`, 's').exec(text) ?? [];
    return [...inside.matchAll(/<input type="hidden" name="(\w+)" value="(.*?)">/g)].map(([, ...field]) => field);
  };
  const [window, sort, name] = [
    ['window', '6h'],
    ['sort', 'name'],
    ['name', 'LOG'],
  ];
  expect(hiddenOf(filtered, 'filter')).toEqual([window, sort]);
  // Another window keeps what the table was asked for.
  expect(hiddenOf(filtered, 'choosers')).toEqual([sort, name]);
  expect(hiddenOf(await textOf('/mutations/?window=6h'), 'choosers')).toEqual([]);
  expect(filtered).toContain('href="/mutations/?window=6h&amp;sort=p95&amp;name=LOG"');
  const hostile = await textOf('/mutations/?name=%22%3E%3Cb%3E');
  expect(hostile).toContain('No name holds that.');
  expect(hostile).not.toContain('<b>');
});

test('an alert of now stands in a table that a narrow screen can hold', async () => {
  const text = { summary: 'A burns', description: 'Fast.', path: '/objectives/mutation-success/' };
  const alert = { id: '1', name: 'SloBurnRate', labels: { severity: 'page' }, sinceMs: NOW_MS, text };
  side = createReadSide({ alerts: () => [{ ...alert, phase: 'firing' }] });
  const [card] = /<section[^>]* id="active-alerts".*?<\/section>/s.exec(await textOf('/objectives/')) ?? [''];
  expect(card).toContain('<table class="stacked">');
  expect(card).toContain('data-heading="Since"');
});

test('without data the first page says how to send some, with its own address', async () => {
  const address = 'https://vigil.example.com';
  side = createReadSide({ publicUrl: `${address}/` });
  const text = await textOf('/');
  expect(text).toContain('No data yet.');
  expect(text).toContain(`OTEL_EXPORTER_OTLP_ENDPOINT=${address} `);
});

test('an address that only this machine finds is told to no other one', async () => {
  for (const origin of ['http://127.0.0.1:8000', 'http://localhost:8000', 'http://[::1]:8000']) {
    side = createReadSide({ publicUrl: origin });
    const text = await textOf('/');
    expect(text).toContain('OTEL_EXPORTER_OTLP_ENDPOINT=http://…:8000 ');
    expect(text).toContain('HOST=0.0.0.0');
  }
});

test('what does not stand open on the first screen is folded there', async () => {
  side.store.add({ name: 'CreateJob', seconds: 4, outcome: 'failure', atMs: NOW_MS - 60_000 }, 30);
  side.store.addPoints(
    [requests('a', 'user', 'executed', 100), requests('a', 'user', 'escaped', 1), duplicatedKeys('a', 'user', 5)],
    NOW_MS - 60_000,
  );
  const { recommendations } = (await (await side.get('/monitoring/overview/')).json()) as {
    recommendations: { level: string; message: string }[];
  };
  expect(recommendations.length).toBeGreaterThan(5);
  const text = await textOf('/');
  const critical = recommendations.slice(5).filter(({ level }) => level === 'critical').length;
  expect(critical).toBeGreaterThan(0);
  expect(text).toContain(`<summary>${recommendations.length - 5} more, ${critical} critical</summary>`);
  for (const { message } of recommendations) expect(text).toContain(message);
});

test('no name turns around the text behind it', async () => {
  side.store.add({ name: '\u202eevil\u2067', seconds: 0.1, atMs: NOW_MS });
  const text = await textOf('/mutations/');
  expect(text).toContain('>evil<');
  expect(text).toContain('href="/mutations/%E2%80%AEevil%E2%81%A7/"');
  expect(await textOf('/mutations/%E2%80%AEevil%E2%81%A7/')).toContain('<h1>evil</h1>');
});

test('data is stale before the alert says so, and not between two exports of any usual interval', async () => {
  fill();
  const at = async (ageSeconds: number) => {
    side.store.stateChange = { newestPointMs: NOW_MS - ageSeconds * 1000 };
    const text = await textOf('/');
    // The line above and the sentence judge alike.
    expect(text.includes('Stale:')).toBe(text.includes('no data arrives'));
    return text.includes('Stale:');
  };
  for (const ageSeconds of [0, 10, 60, 119]) expect(await at(ageSeconds), `${ageSeconds} s`).toBe(false);
  for (const ageSeconds of [TELEMETRY_STOPPED_SECONDS, 86_400]) expect(await at(ageSeconds)).toBe(true);
  expect([await at(STALE_SECONDS), await at(STALE_SECONDS + 1)]).toEqual([false, true]);
});

test('with a service chosen it is told when that one last sent', async () => {
  fill();
  side.store.stateChange = {
    newestPointMs: NOW_MS - 16_000,
    services: ['mail', 'shop', 'till'],
    arrivals: new Map([
      ['mail', NOW_MS - 3_600_000],
      ['shop', NOW_MS - 16_000],
    ]),
  };
  const line = async (query: string) => /id="freshness".*?<\/p>/s.exec(await textOf(`/${query}`))?.[0] ?? '';
  expect(await line('')).toContain('Newest data 16 seconds ago, from mail, shop and till.');
  expect(await line('?service=mail')).toContain('Stale: the newest data is from 1 hour ago. Sent by mail.');
  expect(await line('?service=shop')).toContain('Newest data 16 seconds ago, from shop.');
  // Of this one it is not known.
  expect(await line('?service=till')).toContain('from mail, shop and till.');
  expect(await textOf('/?service=mail')).toContain('<option value="shop"');
});

test('evidence tells the window of its own, whichever one the page shows', async () => {
  side.store.add({ name: 'CreateJob', seconds: 0.1, outcome: 'failure', atMs: NOW_MS - 60_000 }, 30);
  for (const query of ['', '?window=15m', '?window=30d']) {
    const shown = [...(await textOf(`/${query}`)).matchAll(/<p class="evidence">([^<]*)</g)].map(([, text]) => text);
    expect(shown).toContainEqual(expect.stringMatching(/^Budget remaining: .* 30 events in 30 days\. $/));
    expect(shown).toContainEqual(expect.stringMatching(/^Success rate: .* 30 events in 1 hour\. $/));
    // What is about now, and about no events, has none.
    expect(shown).toContain(' ');
  }
});

test('in its first minute a service has a rate, too', async () => {
  side.store.add({ name: 'LoginUser', seconds: 0.1, atMs: NOW_MS }, 30);
  expect(await textOf('/')).toContain('30 a minute');
});

test('the overview tells the rate of mutations since they began, and what each line is held against', async () => {
  for (let minutes = 10; minutes >= 1; minutes--)
    side.store.add({ name: 'LoginUser', seconds: 0.1, atMs: NOW_MS - minutes * 60_000 }, 30);
  const text = await textOf('/');
  expect(text).toContain('30 a minute');
  expect(text).toContain('0 failed; line 95 %');
  expect(text).toContain('line 500 ms');
});
