import {
  InstrumentationBase,
  type InstrumentationConfig,
  type InstrumentationModuleDefinition,
} from '@opentelemetry/instrumentation';
import { createClientNames } from './client-names.ts';
import { createBlockCounts } from './counts.ts';
import { subscribeToGraphql17 } from './hooks/graphql.ts';
import { moduleHooks } from './hooks/index.ts';
import { createKinds } from './kinds.ts';
import { subscribeToHttp } from './net.ts';
import { clearRunning, setRunning } from './record.ts';
import { defaultSettings, type SecurityBlockSettings } from './settings.ts';
import { createBlockSpans } from './spans.ts';
import type { Watch } from './watch.ts';

export const PACKAGE_NAME = '@vigil/instrumentation-security-blocks';
export const PACKAGE_VERSION = '0.1.0';

export interface SecurityBlockInstrumentationConfig extends InstrumentationConfig, Partial<SecurityBlockSettings> {}

/**
 * A count and a span for each request that was refused and each attack that was seen. One observes a process: the first
 * that is enabled.
 *
 * The configuration is read once, when the instrumentation is made. The base class calls most methods here from its
 * constructor, before this class could initialise a field: `declare` keeps what they have set.
 */
export class SecurityBlockInstrumentation extends InstrumentationBase<SecurityBlockInstrumentationConfig> {
  declare private watch: Watch;
  declare private definitions: InstrumentationModuleDefinition[] | undefined;
  declare private subscriptions: (() => void)[] | undefined;

  constructor(config: SecurityBlockInstrumentationConfig = {}) {
    super(PACKAGE_NAME, PACKAGE_VERSION, config);
  }

  /** The first thing the base class calls, and again for every meter provider. */
  protected override _updateMetricInstruments(): void {
    this.watch ??= this.createWatch();
    this.watch.counts.useMeter(this.meter);
  }

  protected override init(): InstrumentationModuleDefinition[] {
    this.definitions ??= moduleHooks(this.watch);
    return this.definitions;
  }

  /** Does nothing while another one is enabled in this process, which goes on alone. */
  override enable(): void {
    super.enable();
    this.watch.enabled = setRunning(this.watch);
    if (!this.watch.enabled) return;
    this.subscriptions ??= [subscribeToHttp(this.watch), subscribeToGraphql17(this.watch)];
  }

  override disable(): void {
    super.disable();
    this.watch.enabled = false;
    clearRunning(this.watch);
    for (const end of this.subscriptions ?? []) end();
    this.subscriptions = undefined;
  }

  private createWatch(): Watch {
    const settings = { ...defaultSettings(), ...withoutUndefined(this._config) };
    return {
      enabled: false,
      settings,
      kinds: createKinds(settings.maxPatterns),
      counts: createBlockCounts(),
      nameClient: createClientNames(settings.clientAddresses, settings.pseudonymSecret),
      spans: createBlockSpans(() => this.tracer, settings.maxSpansPerSecond),
      diag: this._diag,
    };
  }
}

/** An option that is there and undefined is not set. */
function withoutUndefined<Options extends object>(options: Options): Partial<Options> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<Options>;
}
