/** Starts everything: module hooks, instrumentations, SDK, flush at the end. */
import { getBooleanFromEnv, getStringFromEnv } from '@opentelemetry/core';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { NodeSDK, type NodeSDKConfiguration, startNodeSdk } from '@opentelemetry/sdk-node';
import { apiRegistrations, apiSituation, describeApiMismatch } from './api-copies.ts';
import { vigilInstrumentations } from './instrumentations.ts';
import { flushAtExit } from './lifecycle.ts';
import { registerModuleHooks } from './module-hooks.ts';
import { isNodeTooOld, OLDEST_NODE } from './node-version.ts';
import { printNotice } from './notice.ts';
import { vigilNodeSdkConfiguration } from './sdk.ts';

const STARTED = Symbol.for('vigil.otel-config.started');
const shared = globalThis as { [STARTED]?: true };

/**
 * Starts the SDK with Vigil's instrumentations in this process, once: further calls, also of other copies of this
 * package, do nothing. Call it from a file given to `node --import`, before the application is loaded. Never throws:
 * an application runs without telemetry rather than not at all. Does nothing when `OTEL_SDK_DISABLED` is true, and on a
 * Node that is too old says so.
 *
 * @param overrides as for `vigilNodeSdkConfiguration`, such as more instrumentations
 */
export function start(overrides: Partial<NodeSDKConfiguration> = {}): void {
  if (getBooleanFromEnv('OTEL_SDK_DISABLED') || shared[STARTED]) return;
  shared[STARTED] = true;
  if (isNodeTooOld()) {
    // Half of it would run, and end the application with an error of ours.
    printNotice(
      `Node ${process.versions.node} is too old, nothing is observed: Node ${OLDEST_NODE} or newer is needed.`,
    );
    return;
  }
  try {
    startSdk(overrides);
  } catch (error) {
    printNotice(`telemetry could not be started: ${error instanceof Error ? error.stack : error}`);
  }
}

function startSdk(overrides: Partial<NodeSDKConfiguration>): void {
  const situation = apiSituation();
  const mismatch = situation && describeApiMismatch(situation);
  if (mismatch !== undefined) printNotice(`WARNING: ${mismatch}`);
  const { metrics, trace } = apiRegistrations();
  const hasOtherSdk = metrics !== undefined || trace !== undefined;
  if (!hasOtherSdk && getStringFromEnv('OTEL_CONFIG_FILE') === undefined) {
    startFromEnvironment(overrides);
    return;
  }
  if (hasOtherSdk) {
    printNotice('another OpenTelemetry SDK is already registered and is used, with its own Views and exporters.');
  } else {
    // A declarative configuration replaces all other settings, the Views too: so says its specification.
    const sdk = startNodeSdk();
    flushAtExit(() => sdk.shutdown());
  }
  // After the SDK, which in this version gives no meters to instrumentations beside a declarative configuration.
  const given = [overrides.instrumentations ?? []].flat(2);
  const instrumentations = [...vigilInstrumentations(given), ...given];
  registerModuleHooks(instrumentations);
  registerInstrumentations({ instrumentations });
}

function startFromEnvironment(overrides: Partial<NodeSDKConfiguration>): void {
  const configuration = vigilNodeSdkConfiguration(overrides);
  registerModuleHooks(configuration.instrumentations?.flat() ?? []);
  const sdk = new NodeSDK(configuration);
  sdk.start();
  flushAtExit(() => sdk.shutdown());
}
