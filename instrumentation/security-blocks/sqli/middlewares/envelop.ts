import { walkGraphql } from '../graphql-leaves.ts';
import { createInspection, type SqlInjectionOptions } from '../inspection.ts';
import { createRefusal } from './graphql-error.ts';

/** What is used of the arguments with which an operation executes. */
export interface ExecutionArguments {
  readonly document: unknown;
  readonly variableValues?: unknown;
  readonly contextValue?: unknown;
}
export interface EnvelopExecution {
  readonly args: ExecutionArguments;
  setResultAndStopExecution(result: { errors: never[] }): void;
}

export interface EnvelopPlugin {
  onExecute(execution: EnvelopExecution): void;
  onSubscribe(subscription: EnvelopExecution): void;
}

/** A plugin for Envelop and GraphQL Yoga: looks at the variables and literals of each operation before it executes. */
export function envelopSqlInjection(options: Omit<SqlInjectionOptions, 'headers'> = {}): EnvelopPlugin {
  const inspect = createInspection(options);
  const look = ({ args, setResultAndStopExecution }: EnvelopExecution): void => {
    const found = inspect((walk) => walkGraphql(walk, args.document, args.variableValues), {
      request: typeof args.contextValue === 'object' ? (args.contextValue ?? undefined) : undefined,
      surface: 'graphql',
    });
    if (found !== undefined) setResultAndStopExecution({ errors: [createRefusal() as never] });
  };
  return { onExecute: look, onSubscribe: look };
}
