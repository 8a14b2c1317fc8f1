export * from './guard/index.ts';
export { TaskLockInstrumentation, type TaskLockInstrumentationConfig } from './instrumentation.ts';
export type { KeyKind, KeyRule } from './key-names.ts';
export { addKeyRules } from './running.ts';
