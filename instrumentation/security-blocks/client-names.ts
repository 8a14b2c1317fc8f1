/** How clients are called in telemetry: by their address, their network, or a pseudonym. */
import { createHmac } from 'node:crypto';
import { networkOf } from './address.ts';
import { createRecent } from './recent.ts';

/** What is kept of an address. */
export type ClientAddresses = 'full' | 'network' | 'pseudonym';

/** Turns a normalised address into the `client.address` of telemetry. */
export type NameClient = (address: string) => string;

/** Names of addresses that came lately; an HMAC costs about as much as all else that is done for a block. */
const MOST_REMEMBERED = 10_000;

/** @param secret of the pseudonyms; whoever has it can find an address by trying all of them */
export function createClientNames(mode: ClientAddresses, secret: string): NameClient {
  if (mode === 'full') return (address) => address;
  const make: NameClient =
    mode === 'network'
      ? (address) => networkOf(address, { ipv4: 24, ipv6: 48 })
      : (address) => pseudonymOf(address, secret);
  const names = createRecent<string>(MOST_REMEMBERED);
  return (address) => {
    const known = names.get(address);
    if (known !== undefined) return known;
    const name = make(address);
    names.set(address, name);
    return name;
  };
}

/**
 * The same address under the same secret has the same pseudonym, in every process. Of IPv6 the /64 counts: that is what
 * one subscriber has. 64 bits of HMAC-SHA-256, in letters.
 */
function pseudonymOf(address: string, secret: string): string {
  const subject = address.includes(':') ? networkOf(address, { ipv4: 24, ipv6: 64 }) : address;
  const digest = createHmac('sha256', secret).update(subject).digest('hex').slice(0, 16);
  return `client-${[...digest].map((digit) => 'abcdefghijklmnop'[Number.parseInt(digit, 16)]).join('')}`;
}
