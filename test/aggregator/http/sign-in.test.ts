/** How one signs in to the page, and what a session is good for. */
import { describe, expect, test } from 'vitest';
import { createGate } from '../../../aggregator/http/auth.ts';
import { MAX_WRONG_KEYS } from '../../../aggregator/http/guessing.ts';
import { createSessions, SESSION_SECONDS } from '../../../aggregator/http/session.ts';
import { createReadSide, NOW_MS, READ_KEY, type ReadSide } from '../../support/read-side.ts';

const MUTATIONS = '/monitoring/graphql/mutations/';

async function signIn(side: ReadSide, key: string, more: { to?: string; headers?: Record<string, string> } = {}) {
  const body = new URLSearchParams({ key, ...(more.to === undefined ? {} : { to: more.to }) }).toString();
  const type = 'application/x-www-form-urlencoded';
  const headers = { 'Content-Type': type, 'Content-Length': String(body.length), ...more.headers };
  return side.app.request('/sign-in', { method: 'POST', body, headers });
}

/** What a browser sends back. */
function cookieOf(answer: Response): string {
  return (answer.headers.get('set-cookie') ?? '').split(';')[0];
}

test('a key opens a session, whose cookie reads pages and endpoints and holds no key', async () => {
  const side = createReadSide();
  const answer = await signIn(side, READ_KEY, { to: '/mutations/?window=6h' });
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/mutations/?window=6h']);
  const attributes = answer.headers.get('set-cookie') ?? '';
  expect(attributes).toMatch(/; HttpOnly/);
  expect(attributes).toMatch(/; SameSite=Strict/);
  expect(attributes).toMatch(/; Path=\//);
  expect(attributes).not.toMatch(/; Secure/);
  expect(attributes).not.toContain(READ_KEY);
  for (const path of ['/mutations/', MUTATIONS]) {
    const read = await side.app.request(path, { headers: { Cookie: cookieOf(answer) } });
    expect([path, read.status]).toEqual([path, 200]);
  }
  expect(JSON.stringify(side.lines())).not.toContain(READ_KEY);
});

test.each([
  ['an own address with TLS', { publicUrl: 'https://vigil.example.com' }, {}],
  ['a trusted proxy that says so', { trustedHops: 1 }, { 'X-Forwarded-Proto': 'https' }],
])('behind TLS the cookie is for TLS only: %s', async (_, options, headers) => {
  const answer = await signIn(createReadSide(options), READ_KEY, { headers });
  expect(answer.headers.get('set-cookie')).toMatch(/; Secure/);
});

test('a proxy that nobody trusts says nothing about TLS', async () => {
  const answer = await signIn(createReadSide(), READ_KEY, { headers: { 'X-Forwarded-Proto': 'https' } });
  expect(answer.headers.get('set-cookie')).not.toMatch(/; Secure/);
});

test('a wrong key opens nothing and is counted like every wrong key', async () => {
  const side = createReadSide();
  for (let i = 0; i < MAX_WRONG_KEYS; i++) {
    const answer = await signIn(side, `wrong-${i}`);
    expect(answer.status).toBe(403);
    expect(answer.headers.get('set-cookie')).toBeNull();
    const text = await answer.text();
    expect(text).toContain('may not read');
    expect(text).not.toContain(`wrong-${i}`);
  }
  expect((await signIn(side, READ_KEY)).status).toBe(429);
  expect((await side.get(MUTATIONS)).status).toBe(429);
});

test('a key that only sends opens nothing', async () => {
  const side = createReadSide({ gate: createGate([READ_KEY], ['ingest-key']) });
  expect((await signIn(side, 'ingest-key')).status).toBe(403);
});

test('a form from another site opens nothing and ends nothing', async () => {
  const side = createReadSide();
  const foreign: Record<string, string>[] = [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { Origin: 'https://evil.example', Host: '127.0.0.1:8000' },
    { Origin: 'null', Host: '127.0.0.1:8000' },
  ];
  for (const headers of foreign) {
    const answer = await signIn(side, READ_KEY, { headers });
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([403, null]);
    const out = await side.app.request('/sign-out', { method: 'POST', headers });
    expect([out.status, out.headers.get('set-cookie')]).toEqual([400, null]);
  }
});

test.each([
  'https://evil.example/',
  '//evil.example',
  '/\\evil.example',
  'javascript:alert(1)',
  '/a\r\nSet-Cookie: x=y',
  '',
])('one is led to a path of this service and nowhere else: %j', async (to) => {
  const answer = await signIn(createReadSide(), READ_KEY, { to });
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/']);
});

test('what is no small form is refused', async () => {
  const side = createReadSide();
  const post = (body: string, type: string) =>
    side.app.request('/sign-in', {
      method: 'POST',
      body,
      headers: { 'Content-Type': type, 'Content-Length': String(body.length) },
    });
  expect((await post('{}', 'application/json')).status).toBe(400);
  expect((await post(`key=${'x'.repeat(5000)}`, 'application/x-www-form-urlencoded')).status).toBe(400);
});

test('signing out takes the cookie away', async () => {
  const answer = await createReadSide().app.request('/sign-out', { method: 'POST' });
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/sign-in']);
  expect(answer.headers.get('set-cookie')).toMatch(/^vigil_session=; Max-Age=0/);
});

test('without a session a page leads to the sign-in page and comes back; its parts are refused', async () => {
  const { app } = createReadSide();
  const page = await app.request('/mutations/LoginUser/?window=7d');
  const back = encodeURIComponent('/mutations/LoginUser/?window=7d');
  expect([page.status, page.headers.get('location')]).toEqual([303, `/sign-in?to=${back}`]);
  const part = await app.request('/mutations/', { headers: { 'X-Vigil-Part': 'main' } });
  expect(part.status).toBe(403);
  const form = await (await app.request(`/sign-in?to=${back}`)).text();
  expect(form).toContain('value="/mutations/LoginUser/?window=7d"');
});

describe('a session', () => {
  const sessions = createSessions(['key-one', 'key-two']);

  test('is good for its time, for every key, and survives a restart', () => {
    for (const key of ['key-one', 'key-two']) {
      const token = sessions.open(key, NOW_MS);
      expect(sessions.isGood(token, NOW_MS)).toBe(true);
      expect(createSessions([key]).isGood(token, NOW_MS + (SESSION_SECONDS - 1) * 1000)).toBe(true);
      expect(sessions.isGood(token, NOW_MS + SESSION_SECONDS * 1000)).toBe(false);
    }
  });

  test('ends with its key', () => {
    expect(createSessions(['key-two']).isGood(sessions.open('key-one', NOW_MS), NOW_MS)).toBe(false);
  });

  test('cannot be made longer, and nothing else is a session', () => {
    const [expires, signature] = sessions.open('key-one', NOW_MS).split('.');
    const wrong = [`${Number(expires) + 1}.${signature}`, `${expires}.${'A'.repeat(43)}`, expires, '', '.', 'key-one'];
    for (const token of wrong) expect(sessions.isGood(token, NOW_MS), token).toBe(false);
  });
});
