import { walkHttp } from '../http-leaves.ts';
import { createInspection, REFUSAL, type SqlInjectionOptions } from '../inspection.ts';

/** What is used of Hono's context. */
export interface HonoContext {
  readonly req: {
    readonly url: string;
    header(name: string): string | undefined;
    json(): Promise<unknown>;
    parseBody(): Promise<unknown>;
  };
}

export type HonoMiddleware = (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined>;

export interface HonoSqlInjectionOptions extends SqlInjectionOptions {
  /**
   * Bodies that say they are longer are not looked at. Hono has read none yet, and what is read here is kept for the handler;
   * a body of unknown length is read as a handler would, so a limit of Hono's belongs before. @default 1048576
   */
  readonly maxBodyBytes?: number;
}

const MAX_BODY_BYTES = 1_048_576;

/** Looks at each request for SQL-injection attempts: `app.use(honoSqlInjection())`. */
export function honoSqlInjection(options: HonoSqlInjectionOptions = {}): HonoMiddleware {
  const { headers = [], maxBodyBytes = MAX_BODY_BYTES } = options;
  const inspect = createInspection(options);
  return async (context, next) => {
    const { req } = context;
    const body = await bodyOf(req, maxBodyBytes);
    const found = inspect(
      (walk) => walkHttp(walk, { url: pathAndQuery(req.url), header: (name) => req.header(name), body }, headers),
      { request: context },
    );
    if (found !== undefined)
      return new Response(REFUSAL, {
        status: 403,
        headers: { 'content-type': 'application/json; charset=utf-8' },
      });
    await next();
    return undefined;
  };
}

function pathAndQuery(url: string): string {
  const path = url.indexOf('/', url.indexOf('://') + 3);
  return path < 0 ? '/' : url.slice(path);
}

/** The parsed body; undefined when there is none that could be parsed, which is the handler's to tell. */
async function bodyOf(req: HonoContext['req'], maxBodyBytes: number): Promise<unknown> {
  if (Number(req.header('content-length') ?? 0) > maxBodyBytes) return undefined;
  const type = req.header('content-type') ?? '';
  try {
    if (/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) return await req.json();
    if (/^(?:application\/x-www-form-urlencoded|multipart\/form-data)\b/i.test(type)) return await req.parseBody();
  } catch {
    return undefined;
  }
  return undefined;
}
