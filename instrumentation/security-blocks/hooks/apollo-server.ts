/** Apollo Server's CSRF prevention, of which a plugin hears. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { type AnyFunction, patchExport } from '@vigil/hooking';
import { recordBlock, type Watch } from '../watch.ts';
import { moduleHook } from './module.ts';

interface Plugin {
  invalidRequestWasReceived(given: { readonly error: { readonly message?: unknown } }): Promise<void>;
}
interface ApolloServer {
  addPlugin(plugin: Plugin): void;
}

/** Public ways to start a server; plugins can be added until then. */
const STARTS = ['start', 'startInBackgroundHandlingStartupErrorsByLoggingAndFailingAllRequests'];

export function apolloServerHook(watch: Watch): InstrumentationModuleDefinition {
  const known = new WeakSet<object>();
  const addPlugin = (server: ApolloServer): void => {
    if (known.has(server)) return;
    known.add(server);
    try {
      server.addPlugin(csrfPlugin(watch));
    } catch (error) {
      watch.diag.error('a server is not observed', error);
    }
  };
  const wrap = (original: AnyFunction): AnyFunction =>
    function (...args) {
      addPlugin(this as ApolloServer);
      return original.apply(this, args);
    };
  return moduleHook('@apollo/server', '>=4 <6', (exports) => {
    const { ApolloServer: server } = exports as { ApolloServer?: { prototype: object } };
    if (server !== undefined)
      for (const name of STARTS) patchExport(server.prototype, name, wrap, watch.diag, 'security-blocks');
    return exports;
  });
}

function csrfPlugin(watch: Watch): Plugin {
  return {
    async invalidRequestWasReceived({ error }) {
      if (String(error?.message).includes('Cross-Site Request Forgery'))
        recordBlock(watch, { category: 'csrf', pattern: 'header', surface: 'graphql' });
    },
  };
}
