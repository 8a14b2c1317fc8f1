import { walkGraphql } from '../graphql-leaves.ts';
import { createInspection, type SqlInjectionOptions } from '../inspection.ts';
import { createRefusal } from './graphql-error.ts';

/** What is used of a request's context. */
export interface ApolloRequest {
  readonly document: unknown;
  readonly request: { readonly variables?: unknown };
  readonly contextValue: unknown;
}

export interface ApolloPlugin {
  requestDidStart(): Promise<{ didResolveOperation(request: ApolloRequest): Promise<void> }>;
}

/** A plugin for Apollo Server: looks at the variables and literals of each operation before it executes. */
export function apolloSqlInjection(options: Omit<SqlInjectionOptions, 'headers'> = {}): ApolloPlugin {
  const inspect = createInspection(options);
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ document, request, contextValue }) {
          const found = inspect((walk) => walkGraphql(walk, document, request.variables), {
            request: typeof contextValue === 'object' ? (contextValue ?? undefined) : undefined,
            surface: 'graphql',
          });
          if (found !== undefined) throw createRefusal();
        },
      };
    },
  };
}
