import { html } from 'hono/html';
import { expect, test } from 'vitest';
import { breakable } from '../../../aggregator/page/layout.ts';

test.each([
  ['Update051Entity', 'Update051<wbr>Entity'],
  ['send_email', 'send_<wbr>email'],
  ['LOGIN', 'LOGIN'],
  ['', ''],
  ['a.B<b>', 'a.<wbr>B&lt;b&gt;'],
])('a name breaks between its words and stays text: %s', async (name, expected) => {
  expect(String(await html`${breakable(name)}`)).toBe(expected);
});
