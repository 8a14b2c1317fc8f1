import {
  InstrumentationBase,
  type InstrumentationConfig,
  type InstrumentationModuleDefinition,
} from '@opentelemetry/instrumentation';
import type { Watch } from './execution.ts';
import { graphqlJitHook } from './hooks/graphql-jit.ts';
import { graphqlToolsHook } from './hooks/graphql-tools.ts';
import { graphql16Hook } from './hooks/graphql16.ts';
import { subscribeToGraphql17 } from './hooks/graphql17.ts';
import { subscribeToBlocked } from './refused.ts';
import { createRequestCounts } from './requests.ts';
import { createMutationTelemetry } from './telemetry.ts';
import { clearRunning, setRunning } from './track.ts';

export const PACKAGE_NAME = '@vigil/instrumentation-mutations';
export const PACKAGE_VERSION = '0.1.0';

export interface MutationInstrumentationConfig extends InstrumentationConfig {
  /** Whether the metrics are recorded. @default true */
  readonly metrics?: boolean;
  /** Whether each mutation has a span, with whatever its resolver does below it. @default true */
  readonly spans?: boolean;
  /** Most names of mutations kept apart, all schemas together; later ones are `_OTHER`. @default 1000 */
  readonly maxMutationNames?: number;
  /** Most values of `error.type` kept apart; later ones are `_OTHER`. @default 50 */
  readonly maxErrorTypes?: number;
}

/**
 * Metrics and spans for GraphQL mutations, and a count of all GraphQL requests. One observes a process: the first that is
 * enabled.
 *
 * The configuration is read once, when the instrumentation is made. The base class calls most methods here from its
 * constructor, before this class could initialise a field: `declare` keeps what they have set.
 */
export class MutationInstrumentation extends InstrumentationBase<MutationInstrumentationConfig> {
  declare private watch: Watch;
  declare private definitions: InstrumentationModuleDefinition[] | undefined;
  declare private subscriptions: (() => void)[] | undefined;

  constructor(config: MutationInstrumentationConfig = {}) {
    super(PACKAGE_NAME, PACKAGE_VERSION, config);
  }

  /** The first thing the base class calls, and again for every meter provider. */
  protected override _updateMetricInstruments(): void {
    this.watch ??= this.createWatch();
    this.watch.telemetry.useMeter(this.meter);
    if (this._config.metrics !== false) this.watch.requests.useMeter(this.meter);
  }

  protected override init(): InstrumentationModuleDefinition[] {
    this.definitions ??= [graphql16Hook(this.watch), graphqlToolsHook(this.watch), graphqlJitHook(this.watch)];
    return this.definitions;
  }

  /** Does nothing while another one is enabled in this process, which goes on alone. */
  override enable(): void {
    if (!setRunning(this.watch)) {
      this._diag.warn('another MutationInstrumentation observes this process already; this one observes nothing');
      return;
    }
    super.enable();
    this.watch.enabled = true;
    this.subscriptions ??= [subscribeToGraphql17(this.watch), subscribeToBlocked(this.watch)];
  }

  override disable(): void {
    super.disable();
    this.watch.enabled = false;
    clearRunning(this.watch);
    for (const end of this.subscriptions ?? []) end();
    this.subscriptions = undefined;
  }

  private createWatch(): Watch {
    const { metrics = true, spans = true, maxMutationNames = 1000, maxErrorTypes = 50 } = this._config;
    const options = { metrics, spans, maxMutationNames, maxErrorTypes };
    return {
      enabled: false,
      telemetry: createMutationTelemetry(() => this.tracer, options),
      requests: createRequestCounts(),
      diag: this._diag,
      entering: undefined,
      current: undefined,
      executions: new WeakMap(),
      unclaimed: new WeakMap(),
      counted: new WeakSet(),
    };
  }
}
