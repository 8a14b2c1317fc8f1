/** What a user writes who adds an instrumentation: here one of an ES module. */
import { InstrumentationBase, InstrumentationNodeModuleDefinition } from '@opentelemetry/instrumentation';
import { start } from '../../../otel-config/index.ts';

class OwnInstrumentation extends InstrumentationBase {
  constructor() {
    super('own', '1.0.0', {});
  }
  protected override init() {
    return new InstrumentationNodeModuleDefinition('hono', ['>=4'], (exports: { Hono: unknown }) => {
      exports.Hono = class Patched {};
      return exports;
    });
  }
}

start({ instrumentations: [new OwnInstrumentation()] });
