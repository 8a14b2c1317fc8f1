export type { ClientAddresses } from './client-names.ts';
export { type ClientBlocks, type ClientLedger, openClientLedger } from './clients.ts';
export type { SecurityAction, SecuritySurface } from './counts.ts';
export { SecurityBlockInstrumentation, type SecurityBlockInstrumentationConfig } from './instrumentation.ts';
export type { SecurityCategory } from './kinds.ts';
export { recordSecurityBlock, type SecurityBlock } from './record.ts';
export {
  type EnvironmentSettings,
  type SecurityBlockSettings,
  settingsFromEnvironment,
  settingVariables,
} from './settings.ts';
