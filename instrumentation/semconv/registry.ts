/**
 * The registry: every metric, attribute and span that Vigil emits and that its aggregator understands.
 *
 * Instrumentations, Views, the aggregator, the Prometheus rules, the dashboards and the tables of the documentation all
 * read it from here. It is data and imports nothing. What OpenTelemetry already names is used as it is; everything of
 * our own stands under `vigil.`.
 */

/** What one attribute means, and the values it may have. */
export interface AttributeDefinition {
  readonly description: string;
  /** The closed set of values, in the order in which documentation shows them; absent where the set is open. */
  readonly values?: readonly string[];
  /** Whether the set of values, open or closed, may be extended by users. */
  readonly extensible?: true;
}

export type InstrumentKind = 'histogram' | 'counter';

/** One metric: what an instrument of that name records. */
export interface MetricDefinition {
  readonly kind: InstrumentKind;
  /** UCUM unit. */
  readonly unit: string;
  readonly description: string;
  /** Keys of the attributes that its points may carry: also the allow-list of its View and of the aggregator's door. */
  readonly attributes: readonly AttributeKey[];
}

/** One span: what its name is made of and what it carries. */
export interface SpanDefinition {
  /** The name, with its variable part in braces. */
  readonly name: string;
  readonly kind: 'internal' | 'client';
  readonly description: string;
  readonly attributes: readonly AttributeKey[];
}

const attributeTable = {
  'vigil.mutation.name': {
    description: 'Name of the field under the root mutation type; never the operation name, which the client chooses.',
  },
  'vigil.mutation.outcome': {
    description:
      'success; partial: the field resolved and something below it errored; failure: the field itself gave an error; aborted: it never settled.',
    values: ['success', 'partial', 'failure', 'aborted'],
  },
  'vigil.mutation.complexity': {
    description: 'Number of fields selected by the mutation, fragments followed.',
  },
  'error.type': {
    description:
      '`extensions.code` when it is a short constant, else the class name of the error, else `_OTHER`; never a message.',
  },
  'graphql.operation.type': {
    description: 'Type of the GraphQL operation; unknown when the request never named one that could be read.',
    values: ['query', 'mutation', 'subscription', 'unknown'],
  },
  'vigil.graphql.outcome': {
    description: 'ok; error: the answer has errors; blocked: refused before anything executed.',
    values: ['ok', 'error', 'blocked'],
  },
  'vigil.task.name': { description: 'Name of the task, job or key template; never a key.' },
  'vigil.idempotency.scope': {
    description: 'Within what an idempotency key is unique.',
    values: ['global', 'user', 'device', 'tenant'],
    extensible: true,
  },
  'vigil.idempotency.outcome': {
    description:
      'executed: the key was new and the work ran; prevented: a duplicate was refused; replayed: it got the stored result; in_flight: the first is still running; mismatch: same key, other payload; escaped: a duplicate ran all the same.',
    values: ['executed', 'prevented', 'replayed', 'in_flight', 'mismatch', 'escaped'],
  },
  'db.system.name': { description: 'The store that holds the idempotency keys, as OpenTelemetry names it.' },
  'vigil.lock.system': { description: 'Library or store that gave the lock, such as redis or redlock.' },
  'vigil.lock.outcome': {
    description: 'acquired; held: somebody else has it; timeout: given up after waiting; error.',
    values: ['acquired', 'held', 'timeout', 'error'],
  },
  'vigil.lock.release': {
    description: 'released by its holder; expired before its holder was done; lost to somebody else.',
    values: ['released', 'expired', 'lost'],
  },
  'vigil.lock.renewal': { description: 'Whether the renewal held.', values: ['renewed', 'lost'] },
  'vigil.security.category': {
    description: 'What was refused, or would have been.',
    values: ['sqli', 'csrf', 'rate_limit', 'origin', 'query_analysis', 'authentication'],
  },
  'vigil.security.pattern': { description: 'The pattern within the category; for sqli one of the injection classes.' },
  'vigil.security.action': {
    description: 'blocked: refused; detected: seen and let through.',
    values: ['blocked', 'detected'],
  },
  'vigil.security.surface': { description: 'Where the request went.', values: ['graphql', 'http'] },
  'vigil.security.parameter': {
    description:
      'Name of the parameter that was refused; never its value. Only on spans, for clients choose such names.',
  },
  'client.address': {
    description: 'Address of the client by trusted hops, kept as configured; `_other` for the rest.',
  },
} as const satisfies Record<string, AttributeDefinition>;

export type AttributeKey = keyof typeof attributeTable;

/** Every attribute by its key. */
export const attributes: Readonly<Record<AttributeKey, AttributeDefinition>> = attributeTable;

const metricTable = {
  'vigil.mutation.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Time from the call of a root mutation field to its settled result.',
    attributes: ['vigil.mutation.name', 'vigil.mutation.outcome', 'error.type'],
  },
  'vigil.mutation.complexity': {
    kind: 'histogram',
    unit: '{field}',
    description: 'Number of fields that a mutation selects.',
    attributes: ['vigil.mutation.name'],
  },
  'vigil.graphql.requests': {
    kind: 'counter',
    unit: '{request}',
    description: 'GraphQL requests, those refused before execution included.',
    attributes: ['graphql.operation.type', 'vigil.graphql.outcome'],
  },
  'vigil.task.requests': {
    kind: 'counter',
    unit: '{request}',
    description: 'Requests to run a task under an idempotency key.',
    attributes: ['vigil.task.name', 'vigil.idempotency.scope', 'vigil.idempotency.outcome'],
  },
  'vigil.task.duplicated_keys': {
    kind: 'counter',
    unit: '{key}',
    description: 'Idempotency keys that met a duplicate, each counted once, at its first.',
    attributes: ['vigil.task.name', 'vigil.idempotency.scope'],
  },
  'vigil.idempotency.check.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Time to find out whether an idempotency key is new.',
    attributes: ['db.system.name'],
  },
  'vigil.lock.acquire.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Time from asking for a lock to having it or giving up.',
    attributes: ['vigil.lock.system', 'vigil.lock.outcome', 'vigil.task.name'],
  },
  'vigil.lock.hold.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Time from acquiring a lock to its end.',
    attributes: ['vigil.lock.system', 'vigil.lock.release', 'vigil.task.name'],
  },
  'vigil.lock.renewals': {
    kind: 'counter',
    unit: '{renewal}',
    description: 'Attempts to extend a lock that is held.',
    attributes: ['vigil.lock.system', 'vigil.lock.renewal'],
  },
  'vigil.security.blocks': {
    kind: 'counter',
    unit: '{block}',
    description: 'Requests refused, or attacks seen, one per kind and request.',
    attributes: [
      'vigil.security.category',
      'vigil.security.pattern',
      'vigil.security.action',
      'vigil.security.surface',
    ],
  },
  'vigil.security.clients': {
    kind: 'counter',
    unit: '{block}',
    description: 'The same events by client, behind an admission gate.',
    attributes: ['client.address', 'vigil.security.category', 'vigil.security.pattern'],
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof metricTable;

/** Every metric by its name. */
export const metrics: Readonly<Record<MetricName, MetricDefinition>> = metricTable;

/** Every span, by what it is about. */
export const spans = {
  mutation: {
    name: 'mutation {vigil.mutation.name}',
    kind: 'internal',
    description: 'One root mutation field; a child of the server span; status Error on failure.',
    attributes: ['vigil.mutation.name', 'vigil.mutation.outcome', 'error.type', 'vigil.mutation.complexity'],
  },
  lock: {
    name: 'lock {vigil.task.name}',
    kind: 'client',
    description: 'One attempt to get a lock; linked to the span that holds the key where that is known.',
    attributes: ['vigil.lock.system', 'vigil.lock.outcome', 'vigil.task.name'],
  },
  securityBlock: {
    name: 'security.block {vigil.security.category}',
    kind: 'internal',
    description:
      'One refusal or detected attack; recorded even when its trace is not sampled; never holds the payload.',
    attributes: [
      'vigil.security.category',
      'vigil.security.pattern',
      'vigil.security.action',
      'vigil.security.surface',
      'vigil.security.parameter',
      'client.address',
    ],
  },
} as const satisfies Record<string, SpanDefinition>;

/**
 * Channels (`node:diagnostics_channel`) on which one instrumentation tells another, in the same process, what only the
 * other one counts: instrumentations never import each other.
 */
export const channels = {
  /** A GraphQL request was refused before anything executed. Messages are `GraphqlBlockedMessage`. */
  graphqlBlocked: 'vigil:graphql:blocked',
} as const;

/** One refused request; it becomes one `vigil.graphql.requests` with outcome `blocked`. */
export interface GraphqlBlockedMessage {
  /** Type of the operation where it could be read. */
  readonly operationType?: 'query' | 'mutation' | 'subscription' | 'unknown';
  /** The parsed document that was refused in validation: its errors then do not count as a second request. */
  readonly document?: object;
}

/** The classes of SQL injection that `vigil.security.pattern` tells apart when the category is `sqli`. */
export const sqlInjectionPatterns = [
  'union',
  'boolean_blind',
  'time_blind',
  'error_based',
  'stacked_queries',
  'out_of_band',
  'command_execution',
  'comment',
  'other',
] as const;

/**
 * What `vigil.security.pattern` tells apart in the categories beside `sqli`, as Vigil's own hooks give it. Whoever
 * records by hand may add to them.
 */
export const securityBlockPatterns = {
  csrf: ['token', 'header', 'origin'],
  rate_limit: ['requests', 'banned'],
  origin: ['request', 'preflight'],
  query_analysis: ['depth', 'cost', 'aliases', 'directives', 'tokens'],
  authentication: ['credentials'],
} as const;

/** The `client.address` of all clients that have no series of their own. */
export const OTHER_CLIENTS = '_other';

/** Shape of a pseudonym in `client.address`: letters only, so that it cannot be taken for a number of any kind. */
export const CLIENT_PSEUDONYM_PATTERN = /^client-[a-p]{16}$/;

/** Stands for every value that could not be kept: unknown, malformed, or beyond a bound. */
export const OTHER = '_OTHER';

/** Edges in seconds of duration histograms where explicit buckets are asked for; 0.5 and 1 are the objectives' lines. */
export const DURATION_BUCKET_EDGES_SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60,
];

/** Edges of the complexity histogram where explicit buckets are asked for, in fields. */
export const COMPLEXITY_BUCKET_EDGES: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** Most buckets an exponential histogram has: with 20 µs and 60 s in one stream its buckets are still 9 % wide. */
export const EXPONENTIAL_HISTOGRAM_MAX_BUCKETS = 320;
