import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { clientAddressOf, networkOf, normaliseAddress } from '../../../instrumentation/security-blocks/address.ts';
import { createClientNames } from '../../../instrumentation/security-blocks/client-names.ts';
import { CLIENT_PSEUDONYM_PATTERN } from '../../../instrumentation/semconv/index.ts';

describe('the client by trusted hops', () => {
  test.each([
    ['no proxy: the header is the client’s own', '192.0.2.1', '203.0.113.9', 0, '192.0.2.1'],
    ['one proxy: what it saw', '10.0.0.1', '1.1.1.1, 203.0.113.9', 1, '203.0.113.9'],
    ['two proxies', '10.0.0.1', '6.6.6.6, 203.0.113.9,10.0.0.2', 2, '203.0.113.9'],
    ['fewer entries than proxies', '10.0.0.1', '203.0.113.9', 3, '203.0.113.9'],
    ['no header', '10.0.0.1', undefined, 1, '10.0.0.1'],
    ['an empty header', '10.0.0.1', '', 1, '10.0.0.1'],
    ['no address where one should be', '10.0.0.1', '203.0.113.9, unknown', 1, '10.0.0.1'],
    ['nonsense beyond what is trusted', '10.0.0.1', '<script>, 203.0.113.9', 1, '203.0.113.9'],
    ['with a port', '10.0.0.1', '203.0.113.9:4711', 1, '203.0.113.9'],
    ['IPv6 with a port', '10.0.0.1', '[2001:db8::1]:4711', 1, '2001:db8::1'],
    ['IPv4 mapped into IPv6', '::ffff:10.0.0.1', undefined, 0, '10.0.0.1'],
    ['a socket that is gone', undefined, undefined, 0, undefined],
  ])('%s', (_name, peer, forwarded, hops, expected) => {
    expect(clientAddressOf(peer, forwarded, hops)).toBe(expected);
  });

  it('never takes what stands left of the trusted hops', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 200 }),
        fc.array(fc.ipV4(), { minLength: 1, maxLength: 5 }),
        (clients, proxied) => {
          const header = `${clients},${proxied.join(', ')}`;
          expect(clientAddressOf('10.0.0.1', header, proxied.length)).toBe(proxied[0]);
        },
      ),
    );
  });

  it('takes a header of 100,000 entries in its stride', () => {
    const header = `${'1.1.1.1,'.repeat(100_000)}203.0.113.9`;
    // Microseconds of this thread: others on the machine do not count.
    const before = process.threadCpuUsage();
    expect(clientAddressOf('10.0.0.1', header, 1)).toBe('203.0.113.9');
    expect(process.threadCpuUsage(before).user).toBeLessThan(1_000_000);
  });
});

describe('normalising', () => {
  test.each([
    ['2001:DB8:0:0::0001', '2001:db8::1'],
    ['::ffff:c000:0201', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::1', '::1'],
    ['192.0.2.256', undefined],
    ['', undefined],
    ['a'.repeat(10_000), undefined],
  ])('%s', (text, expected) => expect(normaliseAddress(text)).toBe(expected));

  it('is idempotent, and gives an address for every address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        const normal = normaliseAddress(address)!;
        expect(isIP(normal)).toBeGreaterThan(0);
        expect(normaliseAddress(normal)).toBe(normal);
      }),
    );
  });
});

describe('networks', () => {
  test.each([
    ['203.0.113.77', '203.0.113.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8::/48'],
    ['::1', '::/48'],
    ['2001::5:6:7:8', '2001::/48'],
  ])('%s', (address, expected) => expect(networkOf(address, { ipv4: 24, ipv6: 48 })).toBe(expected));

  it('holds every address with the same leading bits, and no other', () => {
    const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });
    const text = (parts: number[]) => normaliseAddress(parts.map((part) => part.toString(16)).join(':'))!;
    fc.assert(
      fc.property(groups, groups, (a, b) => {
        // Not the addresses that are IPv4 in disguise.
        fc.pre(a[0] !== 0 && b[0] !== 0);
        const mixed = [...a.slice(0, 3), ...b.slice(3)];
        const network = (parts: number[]) => networkOf(text(parts), { ipv4: 24, ipv6: 48 });
        expect(network(mixed)).toBe(network(a));
        expect(network(a) === network(b)).toBe(a.slice(0, 3).join() === b.slice(0, 3).join());
      }),
    );
  });
});

describe('pseudonyms', () => {
  it('are the same under the same secret, differ under another, and show nothing of the address', () => {
    const ours = createClientNames('pseudonym', 'a shared secret of ours');
    const sameSecret = createClientNames('pseudonym', 'a shared secret of ours');
    const another = createClientNames('pseudonym', 'a secret of somebody else');
    const name = ours('203.0.113.9');
    expect(name).toMatch(CLIENT_PSEUDONYM_PATTERN);
    expect(sameSecret('203.0.113.9')).toBe(name);
    expect(another('203.0.113.9')).not.toBe(name);
    expect(ours('203.0.113.10')).not.toBe(name);
  });

  it('are one for all addresses of an IPv6 subscriber', () => {
    const name = createClientNames('pseudonym', 'a shared secret of ours');
    expect(name('2001:db8:1:2:3:4:5:6')).toBe(name('2001:db8:1:2::9'));
    expect(name('2001:db8:1:3::9')).not.toBe(name('2001:db8:1:2::9'));
  });
});
