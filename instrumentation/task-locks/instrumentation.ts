import {
  InstrumentationBase,
  type InstrumentationConfig,
  type InstrumentationModuleDefinition,
} from '@opentelemetry/instrumentation';
import { subscribeToIdempotencyKeys } from './hooks/idempotency-key.ts';
import { hooks } from './hooks/index.ts';
import { createKeyNames, type KeyRule } from './key-names.ts';
import { clearRunning, setRunning } from './running.ts';
import { createTaskTelemetry } from './telemetry.ts';
import { createWatch, type Watch } from './watch.ts';

export const PACKAGE_NAME = '@vigil/instrumentation-task-locks';
export const PACKAGE_VERSION = '0.1.0';

export interface TaskLockInstrumentationConfig extends InstrumentationConfig {
  /** Whether the metrics are recorded. @default true */
  readonly metrics?: boolean;
  /** Whether each attempt to get a lock has a span. @default true */
  readonly spans?: boolean;
  /** How keys are to be read; the first that matches decides. `addKeyRules` adds more at any time. */
  readonly keyRules?: readonly KeyRule[];
  /** Most names of tasks kept apart; later ones are `_OTHER`. @default 200 */
  readonly maxTaskNames?: number;
}

/**
 * Metrics and spans for task locks and idempotency keys. One observes a process: the first that is enabled.
 *
 * The configuration is read once, when the instrumentation is made. The base class calls most methods here from its
 * constructor, before this class could initialise a field: `declare` keeps what they have set.
 */
export class TaskLockInstrumentation extends InstrumentationBase<TaskLockInstrumentationConfig> {
  declare private watch: Watch;
  declare private definitions: InstrumentationModuleDefinition[] | undefined;
  declare private unsubscribe: (() => void) | undefined;

  constructor(config: TaskLockInstrumentationConfig = {}) {
    super(PACKAGE_NAME, PACKAGE_VERSION, config);
  }

  /** The first thing the base class calls, and again for every meter provider. */
  protected override _updateMetricInstruments(): void {
    this.watch ??= this.createWatch();
    this.watch.telemetry.useMeter(this.meter);
  }

  protected override init(): InstrumentationModuleDefinition[] {
    this.definitions ??= hooks.flatMap((hook) => hook(this.watch));
    return this.definitions;
  }

  /** Does nothing while another one is enabled in this process, which goes on alone. */
  override enable(): void {
    if (!setRunning(this.watch)) {
      this._diag.warn('another TaskLockInstrumentation observes this process already; this one observes nothing');
      return;
    }
    super.enable();
    this.watch.enabled = true;
    this.unsubscribe ??= subscribeToIdempotencyKeys(this.watch);
  }

  override disable(): void {
    super.disable();
    this.watch.enabled = false;
    clearRunning(this.watch);
    this.unsubscribe?.();
    this.unsubscribe = undefined;
  }

  private createWatch(): Watch {
    const { metrics = true, spans = true, keyRules = [], maxTaskNames = 200 } = this._config;
    return createWatch({
      telemetry: createTaskTelemetry(() => this.tracer, { metrics, spans }),
      names: createKeyNames({ rules: keyRules, maxNames: maxTaskNames }),
      diag: this._diag,
    });
  }
}
