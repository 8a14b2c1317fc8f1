/** A set-up with NodeSDK in the user's own hands: `--import` this, and end it by hand. */
import { NodeSDK } from '@opentelemetry/sdk-node';
import { registerModuleHooks, vigilNodeSdkConfiguration } from '../../../otel-config/index.ts';

const configuration = vigilNodeSdkConfiguration({
  serviceName: 'own sdk',
  views: [{ instrumentName: 'app.own.duration', attributesProcessors: [{ process: () => ({}) }] }],
});
registerModuleHooks(configuration.instrumentations?.flat() ?? []);
const sdk = new NodeSDK(configuration);
sdk.start();
process.once('beforeExit', () => sdk.shutdown());
