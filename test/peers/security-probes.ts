/**
 * What each server of `security-…/` is asked, by clients of an address of their own each, and what is to be recorded of
 * it. Spans carry the address, so that each probe is told apart from all others.
 */

/** A request; `path` begins with the name of its server. */
export interface ProbeRequest {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Probe {
  readonly name: string;
  /** Sent one after the other. */
  readonly requests: readonly ProbeRequest[];
  /** What is recorded: category, pattern, action and surface, in one text each. Nothing, for requests that pass. */
  readonly recorded: readonly string[];
  /** GraphQL requests that count as `blocked`. */
  readonly blockedGraphql?: number;
}

const twice = (request: ProbeRequest): ProbeRequest[] => [request, request];
const post = (path: string, headers: ProbeRequest['headers'] = {}): ProbeRequest => {
  return { path, method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } };
};
const from = (origin: string, path: string): ProbeRequest => ({ path, headers: { origin } });
const preflight = (origin: string, path: string): ProbeRequest => {
  return { path, method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } };
};

const GOOD = 'https://shop.example';
const EVIL = 'https://evil.example';
const LIMITED = 'rate_limit requests blocked http';
const FOREIGN = 'origin request detected http';
const PREFLIGHT = 'origin preflight blocked http';

/** Passes, refused, and both once more where a library is asked by two clients. */
const limits = (server: string, path: string, recorded = LIMITED): Probe => {
  return { name: `${path}: the second request`, requests: twice({ path: `${server}${path}` }), recorded: [recorded] };
};

const origins = (server: string, path: string, foreign = [FOREIGN]): Probe[] => [
  { name: `${path}: a foreign origin`, requests: [from(EVIL, `${server}${path}`)], recorded: foreign },
  { name: `${path}: an origin that may`, requests: [from(GOOD, `${server}${path}`)], recorded: [] },
  { name: `${path}: no origin`, requests: [{ path: `${server}${path}` }], recorded: [] },
];

const express: Probe[] = [
  limits('express', '/limit'),
  limits('express', '/limit-own'),
  limits('express', '/limit-told', 'rate_limit requests detected http'),
  limits('express', '/flexible'),
  {
    name: '/bursty: the second request passes by the burst, the third does not',
    requests: [...twice({ path: 'express/bursty' }), { path: 'express/bursty' }],
    recorded: [LIMITED],
  },
  { name: '/csurf: no token', requests: [post('express/csurf')], recorded: ['csrf token blocked http'] },
  { name: '/csurf: a safe method', requests: [{ path: 'express/csurf' }], recorded: [] },
  { name: '/csrf-csrf: no token', requests: [post('express/csrf-csrf')], recorded: ['csrf token blocked http'] },
  { name: '/csrf-csrf: a safe method', requests: [{ path: 'express/csrf-csrf' }], recorded: [] },
  ...origins('express', '/cors'),
  ...origins('express', '/cors-error', ['origin request blocked http']),
  { name: '/cors: a preflight', requests: [preflight(EVIL, 'express/cors')], recorded: [PREFLIGHT] },
  { name: '/cors: a preflight that may', requests: [preflight(GOOD, 'express/cors')], recorded: [] },
  { name: '/cors-off: a foreign origin', requests: [from(EVIL, 'express/cors-off')], recorded: [FOREIGN] },
  { name: 'no CORS layer: any origin', requests: [from(EVIL, 'express/well')], recorded: [] },
  { name: 'a 429 of the application itself', requests: [{ path: 'express/busy' }], recorded: [LIMITED] },
  {
    name: 'a 429 where GraphQL is served',
    requests: [{ path: 'express/busy/graphql' }],
    recorded: ['rate_limit requests blocked graphql'],
    blockedGraphql: 1,
  },
];

const fastify: Probe[] = [
  limits('fastify', '/limit'),
  limits('fastify', '/limit-own'),
  limits('fastify', '/ban', 'rate_limit banned blocked http'),
  { name: '/csrf: no token', requests: [post('fastify/csrf')], recorded: ['csrf token blocked http'] },
  { name: '/csrf: a safe method', requests: [{ path: 'fastify/csrf' }], recorded: [] },
  ...origins('fastify', '/cors'),
  { name: 'a 429 of the application itself', requests: [{ path: 'fastify/busy' }], recorded: [LIMITED] },
];

const hono: Probe[] = [
  limits('hono', '/limit'),
  limits('hono', '/limit-own'),
  {
    name: '/csrf: a form from elsewhere',
    requests: [post('hono/csrf', { origin: EVIL })],
    recorded: ['csrf origin blocked http'],
  },
  { name: '/csrf: a safe method', requests: [{ path: 'hono/csrf' }], recorded: [] },
  ...origins('hono', '/cors'),
  ...origins('hono', '/cors-list'),
  { name: '/cors: a preflight', requests: [preflight(EVIL, 'hono/cors')], recorded: [PREFLIGHT] },
  { name: 'a 429 of the application itself', requests: [{ path: 'hono/busy' }], recorded: [LIMITED] },
];

const asking = (path: string, query: string): ProbeRequest => ({
  path,
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query }),
});

const DEEP = '{ item { child { child { child { child { id } } } } } }';
const FLAT = '{ item { id } }';
const ALIASES = '{ a: item { id } b: item { id } }';
const DIRECTIVES = '{ item @include(if: true) { id @include(if: true) } }';
const TOKENS = `{ item { ${'id '.repeat(50)} } }`;
const FIELDS = '{ item { id child { id } } }';

/** The same text twice: servers remember what they found. */
const query = (path: string, text: string, pattern: string, action = 'blocked'): Probe => ({
  name: `${path}: ${pattern}`,
  requests: twice(asking(path, text)),
  recorded: Array<string>(2).fill(`query_analysis ${pattern} ${action} graphql`),
  blockedGraphql: action === 'blocked' ? 2 : 0,
});
const flat = (path: string): Probe => ({ name: `${path}: fine`, requests: twice(asking(path, FLAT)), recorded: [] });

const fieldLimit = (name: string): Probe => ({
  name: `${name}: the second time`,
  requests: twice(asking(`${name}/graphql`, '{ limited }')),
  recorded: ['rate_limit requests blocked graphql'],
});

const apollo: Probe[] = [
  {
    name: 'CSRF prevention: a simple request',
    requests: [{ ...asking('csrf/graphql', FLAT), headers: { 'content-type': 'text/plain' } }],
    recorded: ['csrf header blocked graphql'],
    blockedGraphql: 1,
  },
  flat('csrf/graphql'),
  query('armor/graphql', DEEP, 'depth'),
  query('armor/graphql', ALIASES, 'aliases'),
  query('armor/graphql', DIRECTIVES, 'directives'),
  query('armor/graphql', TOKENS, 'tokens'),
  flat('armor/graphql'),
  query('armorSilent/graphql', DEEP, 'depth'),
  query('armorCost/graphql', DEEP, 'cost'),
  query('depth/graphql', DEEP, 'depth'),
  flat('depth/graphql'),
  query('complexity/graphql', FIELDS, 'cost'),
  flat('complexity/graphql'),
  fieldLimit('fieldLimit'),
  fieldLimit('ruleLimit'),
  fieldLimit('directiveLimit'),
];

const yoga: Probe[] = [
  {
    name: 'CSRF prevention: no header',
    requests: [{ ...asking('yoga/csrf/graphql', FLAT), headers: { 'content-type': 'text/plain' } }],
    recorded: ['csrf header blocked graphql'],
    blockedGraphql: 1,
  },
  flat('yoga/csrf/graphql'),
  query('yoga/armor/graphql', DEEP, 'depth'),
  query('yoga/armor/graphql', ALIASES, 'aliases'),
  query('yoga/armor/graphql', TOKENS, 'tokens'),
  flat('yoga/armor/graphql'),
  query('yoga/depth/graphql', DEEP, 'depth'),
  flat('yoga/depth/graphql'),
];

const aikido: Probe[] = [
  {
    name: 'a name that ends the text',
    requests: [{ path: `aikido/?name=${encodeURIComponent("x' OR 1=1; -- ")}` }],
    recorded: ['sqli other blocked http'],
  },
  { name: 'a name', requests: [{ path: 'aikido/?name=Ada' }], recorded: [] },
];

/** By folder. */
export const probes: Readonly<Record<string, readonly Probe[]>> = {
  'security-express': express,
  'security-fastify': fastify,
  'security-hono': hono,
  'security-apollo': apollo,
  'security-yoga': yoga,
  'security-aikido': aikido,
};
