/** @fastify/rate-limit tells of refusals by its own `onExceeded` and `onBanReach`, right before it throws. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import type { AnyFunction } from '@vigil/hooking';
import { recordBlock, type Watch } from '../watch.ts';
import { moduleHook, replaceFunctions } from './module.ts';

type Told = (this: unknown, request: object, key: unknown) => unknown;
interface Settings {
  readonly onExceeded?: Told;
  readonly onBanReach?: Told;
}
interface RouteOptions {
  config?: { rateLimit?: unknown };
}
interface Fastify {
  addHook(name: 'onRoute', hook: (route: RouteOptions) => void): void;
}

export function fastifyRateLimitHook(watch: Watch): InstrumentationModuleDefinition {
  const wrap = (original: AnyFunction) => wrapPlugin(watch, original as unknown as Plugin) as unknown as AnyFunction;
  return moduleHook('@fastify/rate-limit', '>=8 <12', (exports) =>
    replaceFunctions(exports, ['fastifyRateLimit'], wrap, watch.diag),
  );
}

type Plugin = (this: unknown, fastify: Fastify, settings: Settings | undefined, ...rest: unknown[]) => unknown;

function wrapPlugin(watch: Watch, plugin: Plugin): Plugin {
  return function (fastify, settings, ...rest) {
    // Before the plugin's own hook on routes, which reads what a route sets for itself.
    fastify.addHook('onRoute', (route) => {
      const own = route.config?.rateLimit;
      if (typeof own === 'object' && own !== null && ('onExceeded' in own || 'onBanReach' in own))
        route.config = { ...route.config, rateLimit: withTelling(watch, own as Settings) };
    });
    return plugin.call(this, fastify, withTelling(watch, settings ?? {}), ...rest);
  };
}

/** Both are called in one turn, the ban after the excess: what it was is known at its end. */
function withTelling(watch: Watch, settings: Settings): Settings {
  const banned = new WeakSet<object>();
  const onExceeded: Told = function (request, key) {
    queueMicrotask(() => {
      const pattern = banned.has(request) ? 'banned' : 'requests';
      recordBlock(watch, { category: 'rate_limit', pattern, request });
    });
    return typeof settings.onExceeded === 'function' ? settings.onExceeded.call(this, request, key) : undefined;
  };
  const onBanReach: Told = function (request, key) {
    banned.add(request);
    return typeof settings.onBanReach === 'function' ? settings.onBanReach.call(this, request, key) : undefined;
  };
  return { ...settings, onExceeded, onBanReach };
}
