import fc from 'fast-check';
import { expect, test } from 'vitest';
import { admitPoint, OPEN_DOOR } from '../../../aggregator/otlp/attributes.ts';
import { keepAddress } from '../../../aggregator/otlp/client-address.ts';

const full = keepAddress('full', '');
const network = keepAddress('network', '');
const pseudonym = keepAddress('pseudonym', 'secret');

test.each([
  ['203.0.113.9', '203.0.113.9', '203.0.113.0/24'],
  ['::ffff:203.0.113.9', '203.0.113.9', '203.0.113.0/24'],
  ['10.1.0.0/16', '10.1.0.0/16', '10.1.0.0/16'],
  ['2001:DB8:1:2::0:9', '2001:db8:1:2::9', '2001:db8:1::/48'],
  ['2001:db8:1:ffff::/64', '2001:db8:1:ffff::/64', '2001:db8:1::/48'],
  ['fe80::1%bob', 'fe80::1', 'fe80::/48'],
  ['_other', '_other', '_other'],
  ['client-abcdefghijklmnop', 'client-abcdefghijklmnop', 'client-abcdefghijklmnop'],
])('%s is kept as an address or a network', (given, whole, part) => {
  expect([full(given), network(given)]).toEqual([whole, part]);
});

test.each([
  'bob',
  'bob@example.com',
  '1.2.3',
  '1.2.3.4/33',
  '1.2.3.4/x',
  '1.2.3.4, 5.6.7.8',
  '4111 1111 1111 1111',
  '::1%a%b',
])('%s is no address: nothing of it is kept', (given) => {
  expect([full(given), network(given), pseudonym(given)]).toEqual(['_other', '_other', '_other']);
});

test('a pseudonym is the same for an address and for an IPv6 subscriber, another with another secret', () => {
  expect(pseudonym('203.0.113.9')).toMatch(/^client-[a-p]{16}$/);
  expect(pseudonym('203.0.113.9')).not.toBe(pseudonym('203.0.113.8'));
  expect(pseudonym('2001:db8:1:2::9')).toBe(pseudonym('2001:db8:1:2:3::1'));
  expect(pseudonym('203.0.113.9')).not.toBe(keepAddress('pseudonym', 'other')('203.0.113.9'));
});

test('what is kept is kept as it is', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (given) => {
      for (const keep of [full, network, pseudonym]) expect(keep(keep(given))).toBe(keep(given));
    }),
  );
});

test.each([true, 1_234_567_890, 1.5])('an address that is sent as %s is none', (value) => {
  const { attributes, clean } = admitPoint(OPEN_DOOR, 'vigil.security.clients', [['client.address', value]]);
  expect([attributes, clean]).toEqual([[['client.address', '_other']], false]);
});
