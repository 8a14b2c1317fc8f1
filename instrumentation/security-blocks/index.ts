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
export { classifySqlInjection, type SqlInjectionAttempt } from './sqli/classify.ts';
export {
  failedSqlInjectionJudgements,
  type SqlInjectionFinding,
  type SqlInjectionOptions,
} from './sqli/inspection.ts';
export type { Place as SqlInjectionPlace } from './sqli/leaves.ts';
export { apolloSqlInjection } from './sqli/middlewares/apollo.ts';
export { envelopSqlInjection } from './sqli/middlewares/envelop.ts';
export { expressSqlInjection } from './sqli/middlewares/express.ts';
export { fastifySqlInjection } from './sqli/middlewares/fastify.ts';
export { type HonoSqlInjectionOptions, honoSqlInjection } from './sqli/middlewares/hono.ts';
export { koaSqlInjection } from './sqli/middlewares/koa.ts';
export type { SqlInjectionClass } from './sqli/pattern.ts';
