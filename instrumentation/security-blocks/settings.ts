/** What can be set, and how the environment sets it. */
import { randomBytes } from 'node:crypto';
import type { ClientAddresses } from './client-names.ts';

export interface SecurityBlockSettings {
  /** How many proxies of one's own stand in front; each adds one address to `X-Forwarded-For`. @default 0 */
  readonly trustedHops: number;
  /** What is kept of a client's address. @default 'full' */
  readonly clientAddresses: ClientAddresses;
  /** Shared by all processes whose pseudonyms shall be the same. @default a random one, so that they differ by process */
  readonly pseudonymSecret: string;
  /**
   * Origins that may use this application from elsewhere, such as `https://shop.example`. With a list every other foreign
   * origin is a violation; without one only those that a CORS layer did not let in. @default undefined
   */
  readonly allowedOrigins: readonly string[] | undefined;
  /** Paths at whose end GraphQL is served: blocks there have the surface `graphql`. @default ['/graphql'] */
  readonly graphqlPaths: readonly string[];
  /** Most values of `vigil.security.pattern` kept apart; later ones are `_OTHER`. @default 64 */
  readonly maxPatterns: number;
  /** Most spans a second, with a tenfold burst. The metrics count every block. 0 makes none. @default 10 */
  readonly maxSpansPerSecond: number;
}

export function defaultSettings(): SecurityBlockSettings {
  return {
    trustedHops: 0,
    clientAddresses: 'full',
    pseudonymSecret: randomBytes(32).toString('base64url'),
    allowedOrigins: undefined,
    graphqlPaths: ['/graphql'],
    maxPatterns: 64,
    maxSpansPerSecond: 10,
  };
}

export interface EnvironmentSettings {
  /** Only what the environment sets, and sets rightly. */
  readonly settings: Partial<SecurityBlockSettings>;
  /** One line for each value that cannot be used: the variable, what it takes, and what holds instead. */
  readonly problems: readonly string[];
}

type Read = (text: string) => Partial<SecurityBlockSettings> | Problem;

/** What holds in place of a value that cannot be used, and what to write. */
interface Problem {
  readonly mend: string;
  readonly instead: Partial<SecurityBlockSettings>;
}

const MOST_HOPS = 32;

/** Every variable with what it means. A value that cannot be used never makes telemetry less private than meant. */
const variables: Readonly<Record<string, Read>> = {
  VIGIL_TRUSTED_HOPS: (text) =>
    /^\d+$/.test(text) && Number(text) <= MOST_HOPS
      ? { trustedHops: Number(text) }
      : { mend: `takes a whole number from 0 to ${MOST_HOPS}; 0 holds`, instead: {} },
  VIGIL_CLIENT_ADDRESSES: (text) =>
    text === 'full' || text === 'network' || text === 'pseudonym'
      ? { clientAddresses: text }
      : { mend: 'takes full, network or pseudonym; pseudonym holds', instead: { clientAddresses: 'pseudonym' } },
  VIGIL_PSEUDONYM_SECRET: (text) =>
    text.length >= 16
      ? { pseudonymSecret: text }
      : { mend: 'takes at least 16 characters; a random secret holds', instead: {} },
  VIGIL_ALLOWED_ORIGINS: (text) => {
    const origins = listOf(text).map(originOf);
    return origins.every((origin) => origin !== undefined)
      ? { allowedOrigins: origins }
      : {
          mend: 'takes origins separated by commas, such as https://shop.example; the others are left out',
          instead: { allowedOrigins: origins.filter((origin) => origin !== undefined) },
        };
  },
  VIGIL_GRAPHQL_PATHS: (text) =>
    listOf(text).every((path) => path.startsWith('/'))
      ? { graphqlPaths: listOf(text) }
      : { mend: 'takes paths separated by commas, each beginning with a slash; /graphql holds', instead: {} },
  VIGIL_SECURITY_SPANS_PER_SECOND: (text) =>
    /^\d{1,6}$/.test(text)
      ? { maxSpansPerSecond: Number(text) }
      : { mend: 'takes a whole number from 0 to 999999; 10 holds', instead: {} },
};

/** The names of the variables, for whoever documents them. */
export const settingVariables: readonly string[] = Object.keys(variables);

/** Reads the environment's `VIGIL_` variables; one that is empty counts as not set. Values are never repeated. */
export function settingsFromEnvironment(env: NodeJS.ProcessEnv): EnvironmentSettings {
  const problems: string[] = [];
  const settings: Partial<SecurityBlockSettings> = {};
  for (const [name, read] of Object.entries(variables)) {
    const text = env[name]?.trim();
    if (text === undefined || text === '') continue;
    const value = read(text);
    if ('mend' in value) problems.push(`${name} ${value.mend}.`);
    Object.assign(settings, 'mend' in value ? value.instead : value);
  }
  if (settings.clientAddresses === 'pseudonym' && settings.pseudonymSecret === undefined)
    problems.push(
      'VIGIL_PSEUDONYM_SECRET is not set: pseudonyms are made with a random secret, so that each process and each start has others.',
    );
  return { settings, problems };
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function originOf(text: string): string | undefined {
  const url = URL.parse(text);
  return url !== null && url.origin !== 'null' && url.pathname === '/' && url.search === '' ? url.origin : undefined;
}
