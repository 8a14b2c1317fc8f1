/** Which address a request came from, told by what trusted proxies wrote and by nothing that the client could. */
import { isIP, SocketAddress } from 'node:net';

/**
 * The client's address by trusted hops: of the chain "forwarded addresses, then the socket's" the one that the outermost
 * trusted proxy saw. Whatever stands further left was written by the client and is not looked at.
 *
 * @param peer the socket's remote address; undefined when it is gone
 * @param forwardedFor the `X-Forwarded-For` header, its lines joined by commas
 * @param trustedHops how many proxies of our own stand in front, at least 0; with 0 the header is not read
 * @returns a normalised IPv4 or IPv6 address; undefined when none can be told
 */
export function clientAddressOf(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trustedHops: number,
): string | undefined {
  const socket = peer === undefined ? undefined : normaliseAddress(peer);
  if (trustedHops === 0 || forwardedFor === undefined) return socket;
  let end = forwardedFor.length;
  let found = socket;
  // From the right: an entry that is no address, or none at all, leaves the nearest one that a proxy of ours vouches for.
  for (let hop = 0; hop < trustedHops && end > 0; hop++) {
    const comma = forwardedFor.lastIndexOf(',', end - 1);
    const address = normaliseAddress(withoutPort(forwardedFor.slice(comma + 1, end).trim()));
    if (address === undefined) break;
    found = address;
    end = comma;
  }
  return found;
}

/** `1.2.3.4:5678` and `[::1]:5678` as some proxies write them. */
function withoutPort(text: string): string {
  if (text.startsWith('[')) return text.slice(1, text.indexOf(']'));
  const colon = text.indexOf(':');
  return colon > 0 && text.indexOf(':', colon + 1) < 0 ? text.slice(0, colon) : text;
}

const MAPPED_PREFIX = '::ffff:';
/** Longest text of an IPv6 address with its zone. */
const LONGEST_ADDRESS = 64;

/**
 * One spelling for one address: IPv6 compressed and without its zone, IPv4 where it is mapped into IPv6.
 * @returns undefined for what is no address
 */
export function normaliseAddress(text: string): string | undefined {
  if (text.length > LONGEST_ADDRESS) return undefined;
  const family = isIP(text);
  if (family === 4) return text;
  if (family === 0) return undefined;
  const zone = text.indexOf('%');
  const address = zone < 0 ? text : text.slice(0, zone);
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address;
  const mapped = canonical.startsWith(MAPPED_PREFIX) ? canonical.slice(MAPPED_PREFIX.length) : '';
  return isIP(mapped) === 4 ? mapped : canonical;
}

/**
 * The network that an address lies in.
 * @param address as `normaliseAddress` gives it
 * @param bits kept of an IPv4 and of an IPv6 address; the latter a multiple of 16
 * @returns in CIDR notation, such as `203.0.113.0/24` and `2001:db8:1::/48`
 */
export function networkOf(address: string, bits: { readonly ipv4: 24; readonly ipv6: 48 | 64 }): string {
  if (!address.includes(':')) return `${address.slice(0, address.lastIndexOf('.'))}.0/${bits.ipv4}`;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  // What `::` leaves out are zeros; an address with an IPv4 tail has its dots far behind any network kept here.
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  if (tail !== undefined) while (groups.length + rest.length < 8) groups.push('0');
  const kept = [...groups, ...rest].slice(0, bits.ipv6 / 16).join(':');
  return `${normaliseAddress(`${kept}::`) ?? `${kept}::`}/${bits.ipv6}`;
}
