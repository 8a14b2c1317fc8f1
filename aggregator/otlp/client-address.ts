/** The one exception to "no personal data": the address of a client that met a refusal, in the form that is configured. */
import { createHmac } from 'node:crypto';
import { isIP, SocketAddress } from 'node:net';
import { CLIENT_PSEUDONYM_PATTERN, OTHER, OTHER_CLIENTS } from '@vigil/semconv';

/** `MONITORING_CLIENT_ADDRESSES`. */
export type AddressMode = 'full' | 'network' | 'pseudonym';

const REST: readonly string[] = [OTHER_CLIENTS, OTHER, ''];
const GROUP_BITS = 16;
const IPV4_BITS = 24;
const IPV6_BITS = 48;
/** What one subscriber has. */
const IPV6_SUBSCRIBER_BITS = 64;

/**
 * How a client's address is kept. Whatever is neither an address, a network in CIDR notation nor a pseudonym of ours is
 * one with the clients that are not told apart: nobody knows what it holds.
 * @param secret of pseudonyms
 * @returns a function that changes nothing in what it returned
 */
export function keepAddress(mode: AddressMode, secret: string): (value: string) => string {
  return (value) => {
    if (REST.includes(value) || CLIENT_PSEUDONYM_PATTERN.test(value)) return value;
    const network = readNetwork(value);
    if (network === undefined) return OTHER_CLIENTS;
    const { address, bits } = network;
    if (mode === 'full') return bits === undefined ? address : `${address}/${bits}`;
    const isIpv4 = isIP(address) === 4;
    if (mode === 'network') return networkOf(address, Math.min(bits ?? Infinity, isIpv4 ? IPV4_BITS : IPV6_BITS));
    return pseudonymOf(
      isIpv4 && bits === undefined ? address : networkOf(address, Math.min(bits ?? Infinity, IPV6_SUBSCRIBER_BITS)),
      secret,
    );
  };
}

/** One spelling for one address or network: IPv6 compressed and without its zone, IPv4 where it is mapped into IPv6. */
function readNetwork(value: string): { readonly address: string; readonly bits: number | undefined } | undefined {
  const [text, prefix, ...more] = value.split('/');
  const address = normalise(text);
  if (address === undefined || more.length > 0) return undefined;
  if (prefix === undefined) return { address, bits: undefined };
  const isPrefix = /^\d{1,3}$/.test(prefix) && Number(prefix) <= (isIP(address) === 4 ? 32 : 128);
  return isPrefix ? { address, bits: Number(prefix) } : undefined;
}

function normalise(text: string): string | undefined {
  const [plain, ...zone] = text.split('%');
  if (isIP(plain) === 0 || zone.length > 1) return undefined;
  if (isIP(plain) === 4) return plain;
  const { address } = new SocketAddress({ address: plain, family: 'ipv6' });
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  return mapped ?? address;
}

function networkOf(address: string, bits: number): string {
  if (isIP(address) === 4) {
    const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    const size = 2 ** (32 - Math.min(32, bits));
    const first = Math.floor(number / size) * size;
    return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.')}/${Math.min(32, bits)}`;
  }
  const kept = groupsOf(address).map((group, i) => {
    const free = GROUP_BITS - Math.max(0, Math.min(GROUP_BITS, bits - i * GROUP_BITS));
    return (Math.floor(group / 2 ** free) * 2 ** free).toString(16);
  });
  return `${normalise(kept.join(':'))}/${Math.min(128, bits)}`;
}

/** The eight groups of an IPv6 address; one with an IPv4 tail has its last two from there. */
function groupsOf(address: string): number[] {
  const tail = /:(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)?.slice(1).map(Number);
  const hex = (n: number): string => n.toString(16);
  const text =
    tail === undefined
      ? address
      : address.replace(/[\d.]+$/, `${hex(tail[0] * 256 + tail[1])}:${hex(tail[2] * 256 + tail[3])}`);
  const [head, rest] = text.split('::').map((side) => (side === '' ? [] : side.split(':')));
  const all = rest === undefined ? head : [...head, ...new Array(8 - head.length - rest.length).fill('0'), ...rest];
  return all.map((group) => Number.parseInt(group, 16));
}

function pseudonymOf(subject: string, secret: string): string {
  const digest = createHmac('sha256', secret).update(subject).digest('hex').slice(0, 16);
  return `client-${[...digest].map((digit) => 'abcdefghijklmnop'[Number.parseInt(digit, 16)]).join('')}`;
}
