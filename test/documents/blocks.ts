/** How each code block of the documents is tried. A block that stands in none of these tables fails a test. */

/** Run by node as it stands, and compiled; with what its surroundings would have. */
export const programs: Readonly<Record<string, string>> = {
  "aggregator/README.md: import { createAggregator } from '@vigil/aggregator';": '',
  "aggregator/README.md: app.route('/monitoring', aggregator.app); // Hono": `
    import { createAggregator, type EmbeddedAggregator } from '@vigil/aggregator';
    import { Hono } from 'hono';
    declare interface Host { route: Hono['route']; use(path: string, handler: EmbeddedAggregator['handler']): void;
      register(plugin: EmbeddedAggregator['fastify']): void }
    const aggregator = createAggregator();
    const hono = new Hono();
    const app = { route: hono.route.bind(hono), use() {}, register() {} } as unknown as Host;`,
  "aggregator/README.md: import { createClient } from '@vigil/aggregator/client';": '',
  "aggregator/README.md: import { createHmac, timingSafeEqual } from 'node:crypto';": '',
  "instrumentation/mutations/README.md: import { registerInstrumentations } from '@opentelemetry/instrumentation';": '',
  "instrumentation/security-blocks/README.md: import { registerInstrumentations } from '@opentelemetry/instrumentation';":
    '',
  "instrumentation/security-blocks/README.md: import { recordSecurityBlock } from '@vigil/instrumentation-security-blocks';":
    '',
  "instrumentation/security-blocks/README.md: import { expressSqlInjection } from '@vigil/instrumentation-security-blocks';": `
    const express = { json: () => () => {} };
    const app = { use(..._: unknown[]) {} };`,
  "instrumentation/semconv/README.md: import { attributes, METRIC_VIGIL_MUTATION_DURATION, metrics } from '@vigil/semconv';":
    '',
  "instrumentation/task-locks/README.md: import { registerInstrumentations } from '@opentelemetry/instrumentation';":
    '',
  "instrumentation/task-locks/README.md: import { addKeyRules } from '@vigil/instrumentation-task-locks';": '',
  "instrumentation/task-locks/README.md: import { redisStore, sqliteStore, withFallback, withIdempotency, withLock } from '@vigil/instrumentation-task-locks';": `
    import { createClient } from 'redis';
    const client = createClient({ url: 'redis://127.0.0.1:1', disableOfflineQueue: true });
    const [user, template, orderId] = [{ id: 'u1' }, 'welcome', 7];
    const mailer = { send: async (..._: unknown[]) => 'sent' };
    const closeJobs = async (_: AbortSignal) => 3;`,
  "otel-config/README.md: import { NodeSDK } from '@opentelemetry/sdk-node';": '',
  "otel-config/README.md: import { flush } from '@vigil/otel-config';": '',
};

/** What runs after a block, to see that it did what it says. */
export const checks: Readonly<Record<string, string>> = {
  "aggregator/README.md: import { createHmac, timingSafeEqual } from 'node:crypto';":
    "if (isFromVigil({}, '', 'whsec_')) throw new Error('an unsigned body passes');",
  "instrumentation/task-locks/README.md: import { redisStore, sqliteStore, withFallback, withIdempotency, withLock } from '@vigil/instrumentation-task-locks';":
    "if (sent.outcome !== 'executed' || closed.outcome !== 'acquired') throw new Error(sent.outcome + closed.outcome);",
  "otel-config/README.md: import { NodeSDK } from '@opentelemetry/sdk-node';": 'await sdk.shutdown();',
};

/** JavaScript, which is run and not compiled. */
export const untyped: ReadonlySet<string> = new Set([
  "aggregator/README.md: import { createHmac, timingSafeEqual } from 'node:crypto';",
]);

/** Needs a service that answers, whose address and key it finds in place of those of the document. */
export const asking: ReadonlySet<string> = new Set([
  "aggregator/README.md: import { createClient } from '@vigil/aggregator/client';",
]);

/** Lines of the doctor, whose tests provoke each. */
export const saidByTheDoctor: ReadonlySet<string> = new Set([
  'README.md: error   destination.reachable: http://localhost:4318/v1/metrics cannot be reached (ECONNREFUSED).',
  'README.md: error   destination.reachable: https://vigil.example.com/v1/metrics cannot be reached (DEPTH_ZERO_SELF_SIGNED_CERT).',
  'README.md: info    hooks.no_locks: no library is installed whose locks and idempotency keys are seen: only the Idempotency-Key header is.',
  'README.md: error   key.reading: the aggregator answers 403 to the key of MONITORING_API_KEY: it may not read.',
  'README.md: error   prometheus.scraped: http://127.0.0.1:9090/ cannot scrape http://127.0.0.1:8000/monitoring/metrics/prometheus/: server returned HTTP status 403 Forbidden.',
  'README.md: error   export.twice: one recorded mutation was exported as 2: numbers are too high.',
  'README.md: error   redis.eviction: Redis drops keys when its memory is full (allkeys-lru), locks and idempotency keys among them: work runs twice.',
  'README.md: warning ending.flush: app.js:3 ends the process on a signal without a flush: the last interval is lost.',
]);

/** Configurations of Prometheus. */
export const scrapeConfigurations: ReadonlySet<string> = new Set([
  'aggregator/README.md: scrape_configs:',
  'grafana/README.md: scrape_configs:',
]);

/** Typed at a terminal: `npm run peers -- documents` does, one after the other, in this order. */
export const typed = [
  'README.md: npm start',
  'README.md: npm install "$VIGIL/otel-config" @opentelemetry/api',
  'README.md: curl -H "X-Monitoring-API-Key: $(cat "$VIGIL/data/api-key")" http://127.0.0.1:8000/monitoring/graphql/mutations/',
  'aggregator/README.md: npm start',
  'aggregator/README.md: curl -H "X-Monitoring-API-Key: $(cat data/api-key)" http://127.0.0.1:8000/monitoring/graphql/mutations/',
  'aggregator/README.md: OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:8000 \\',
  'otel-config/README.md: npx vigil-doctor',
  'aggregator/README.md: npm install "$VIGIL/aggregator" "$VIGIL/otel-config" @opentelemetry/api',
] as const;

/** Not run here, and why. */
export const elsewhere: Readonly<Record<string, string>> = {
  'README.md: npm ci && npm run demo': 'test/e2e/demo.test.ts starts the demo; whoever runs this has installed',
  'README.md: npm ci && npm test': 'this is it',
  'README.md: OTEL_SERVICE_NAME=shop \\':
    "somebody's own host; with an address of this machine it is typed from aggregator/README.md",
  'aggregator/README.md: MONITORING_STORE=prometheus PROMETHEUS_URL=http://mimir:8080/prometheus PROMETHEUS_TENANT=shop MONITORING_API_KEY=… npm start':
    'no Mimir; `peers -- stores` starts it over Prometheus and VictoriaMetrics',
  'grafana/README.md: GRAFANA_URL=https://grafana.example.com GRAFANA_API_KEY=glsa_… npm run grafana:import':
    'no Grafana; test/grafana runs the command against its API',
  'instrumentation/task-locks/README.md: pip install "celery[redis]" packaging opentelemetry-sdk opentelemetry-exporter-otlp-proto-http':
    'Celery is Python; tried by hand with a real worker',
  'otel-config/README.md: npm install @vigil/otel-config @opentelemetry/api':
    'not published; `peers -- newcomers` does it with the tarballs',
  'otel-config/README.md: VIGIL_ENDPOINT=http://127.0.0.1:8000 VIGIL_KEY=KEY VIGIL_QUEUE_DIR=./queue \\':
    '`peers -- collector` builds it and runs these configurations',
  'otel-config/README.md: // telemetry.mjs: node --import ./telemetry.mjs app.js':
    'an instrumentation that is not ours; test/otel-config/start.test.ts starts with one',
};
