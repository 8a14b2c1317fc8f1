export { MutationInstrumentation, type MutationInstrumentationConfig } from './instrumentation.ts';
export { trackMutation } from './track.ts';
