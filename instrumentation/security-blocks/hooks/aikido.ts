/** Aikido's firewall, which sees the finished query: of its attacks SQL injection has a category here. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { type AnyFunction, patchExport } from '@vigil/hooking';
import { recordBlock, type Watch } from '../watch.ts';
import { fileHook } from './module.ts';

interface Attack {
  readonly kind?: unknown;
  readonly blocked?: unknown;
  readonly paths?: readonly unknown[];
}

export function aikidoHook(watch: Watch): InstrumentationModuleDefinition {
  const wrap = (original: AnyFunction): AnyFunction =>
    function (...args) {
      record(watch, args[0] as Attack | undefined);
      return original.apply(this, args);
    };
  return fileHook('@aikidosec/firewall', '>=1.5 <2', {
    '@aikidosec/firewall/agent/Agent.js': (exports) => {
      const { Agent } = exports as { Agent?: { prototype: object } };
      if (Agent !== undefined) patchExport(Agent.prototype, 'onDetectedAttack', wrap, watch.diag, 'security-blocks');
      return exports;
    },
  });
}

function record(watch: Watch, attack: Attack | undefined): void {
  if (attack?.kind !== 'sql_injection') return;
  const [path] = attack.paths ?? [];
  recordBlock(watch, {
    category: 'sqli',
    pattern: 'other',
    action: attack.blocked === true ? 'blocked' : 'detected',
    parameter: typeof path === 'string' ? path.replace(/^\./, '') : undefined,
    // It is the statement that is refused, in the midst of executing.
    refusesGraphql: 'by_status',
  });
}
