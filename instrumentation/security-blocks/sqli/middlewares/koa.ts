import type { IncomingMessage } from 'node:http';
import { walkHttp } from '../http-leaves.ts';
import { createInspection, REFUSAL, type SqlInjectionOptions } from '../inspection.ts';

/** What is used of Koa's context. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly originalUrl: string;
  readonly request: { readonly body?: unknown };
  status: number;
  type: string;
  body: unknown;
}

export type KoaMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<unknown>;

/** Looks at each request for SQL-injection attempts. Bodies are seen where it stands behind the body parsers. */
export function koaSqlInjection(options: SqlInjectionOptions = {}): KoaMiddleware {
  const inspect = createInspection(options);
  return async (context, next) => {
    const found = inspect(
      (walk) => {
        const { req, originalUrl, request } = context;
        const header = (name: string) => req.headers[name.toLowerCase()];
        walkHttp(walk, { url: originalUrl, header, body: request.body }, options.headers ?? []);
      },
      { request: context },
    );
    if (found === undefined) return next();
    context.status = 403;
    context.type = 'application/json; charset=utf-8';
    context.body = REFUSAL;
    return undefined;
  };
}
