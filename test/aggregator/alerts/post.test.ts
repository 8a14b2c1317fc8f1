import { expect, test } from 'vitest';
import { post } from '../../../aggregator/alerts/post.ts';

test.each([
  ['http://ops:50%off@127.0.0.1:9/', 'the user or the password in its address is not percent-encoded'],
  ['http://:token@127.0.0.1:9/', 'no connection'],
])('%s is a failed attempt, and ends nothing', async (url, reason) => {
  const attempt = await post({ url, body: '{}', headers: {} }, new AbortController().signal);
  expect(attempt).toMatchObject({ result: 'failed', reason: expect.stringContaining(reason) });
});
