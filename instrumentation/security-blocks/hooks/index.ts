/** All hooks on modules. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import type { Watch } from '../watch.ts';
import { aikidoHook } from './aikido.ts';
import { apolloServerHook } from './apollo-server.ts';
import { corsHook } from './cors.ts';
import { csrfCsrfHook, csurfHook } from './express-csrf.ts';
import { expressRateLimitHook } from './express-rate-limit.ts';
import { fastifyCsrfProtectionHook } from './fastify-csrf-protection.ts';
import { fastifyRateLimitHook } from './fastify-rate-limit.ts';
import { envelopHook, graphql16Hook } from './graphql.ts';
import { graphqlArmorHooks } from './graphql-armor.ts';
import { graphqlRateLimitHook } from './graphql-rate-limit.ts';
import { honoCsrfHook } from './hono-csrf.ts';
import { honoRateLimiterHook } from './hono-rate-limiter.ts';
import { rateLimiterFlexibleHook } from './rate-limiter-flexible.ts';
import { yogaCsrfPreventionHook } from './yoga-csrf-prevention.ts';

const hooks: readonly ((watch: Watch) => InstrumentationModuleDefinition)[] = [
  expressRateLimitHook,
  rateLimiterFlexibleHook,
  fastifyRateLimitHook,
  honoRateLimiterHook,
  graphqlRateLimitHook,
  apolloServerHook,
  yogaCsrfPreventionHook,
  honoCsrfHook,
  csrfCsrfHook,
  csurfHook,
  fastifyCsrfProtectionHook,
  corsHook,
  graphql16Hook,
  envelopHook,
  aikidoHook,
];

export function moduleHooks(watch: Watch): InstrumentationModuleDefinition[] {
  return [...hooks.map((hook) => hook(watch)), ...graphqlArmorHooks(watch)];
}
