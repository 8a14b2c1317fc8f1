/** Express, Connect, and anything else that calls `(request, response, next)` with Node's own. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { walkHttp } from '../http-leaves.ts';
import { createInspection, REFUSAL, type SqlInjectionOptions } from '../inspection.ts';

type ExpressRequest = IncomingMessage & { originalUrl?: string; body?: unknown };

export type ExpressMiddleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** Looks at each request for SQL-injection attempts. Bodies are seen where it stands behind the body parsers. */
export function expressSqlInjection(options: SqlInjectionOptions = {}): ExpressMiddleware {
  const inspect = createInspection(options);
  return (request: ExpressRequest, response, next) => {
    const found = inspect(
      (walk) => {
        const { originalUrl, url = '', headers, body } = request;
        walkHttp(
          walk,
          { url: originalUrl ?? url, header: (name) => headers[name.toLowerCase()], body },
          options.headers ?? [],
        );
      },
      { request },
    );
    if (found === undefined) {
      next();
      return;
    }
    response.statusCode = 403;
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.end(REFUSAL);
  };
}
