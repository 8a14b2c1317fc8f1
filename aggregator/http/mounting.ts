/** The app behind servers that are not hono's: whatever path they have cut off, it sees the whole one. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { markMonitoringRequest } from '@vigil/semconv';
import { type Context, Hono } from 'hono';
import type { App } from './app.ts';
import { MOUNT_PATH } from './paths.ts';

/** What a parser before us has read of it stands in `body`. */
export type NodeRequest = IncomingMessage & { body?: unknown; rawBody?: unknown };
export type NodeHandler = (request: NodeRequest, response: ServerResponse) => void;

const IS_MOUNTED = new RegExp(`^${MOUNT_PATH}(?:[/?]|$)`);

/** Express takes the path that it is mounted at off the address; where that stands before it, too, does not matter. */
export function nodeHandler(app: App): NodeHandler {
  // The application's globals are not ours to replace.
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  return (request, response) => {
    const { url = '/' } = request;
    request.url = IS_MOUNTED.test(url) ? url : MOUNT_PATH + url;
    markMonitoringRequest(request);
    giveBack(request);
    void listener(request, response);
  };
}

/** A form that a parser before us has read is put where the listener looks for it: its stream is at its end. */
function giveBack(request: NodeRequest): void {
  if (!request.readableEnded || request.rawBody !== undefined) return;
  const form = formOf(request.body);
  if (form === undefined) return;
  request.rawBody = form;
  request.headers['content-length'] = String(form.length);
}

/** The form as it was sent, from its text, its bytes or its fields. */
function formOf(body: unknown): Buffer | undefined {
  if (typeof body === 'string' || body instanceof Uint8Array) return Buffer.from(body as string);
  if (typeof body !== 'object' || body === null) return undefined;
  const fields = Object.entries(body).filter((field): field is [string, string] => typeof field[1] === 'string');
  return Buffer.from(new URLSearchParams(fields).toString());
}

/** For Hono: the request of Node's server behind it, where there is one, is known to be ours from then on. */
export function honoApp(app: App): Hono {
  return new Hono().all('*', async (c) => {
    const { incoming } = (c.env ?? {}) as { readonly incoming?: IncomingMessage };
    if (incoming !== undefined) markMonitoringRequest(incoming);
    return app.fetch(c.req.raw.bodyUsed ? await unread(c) : c.req.raw, c.env as never);
  });
}

/** The request as it was before a middleware has read its form; Hono keeps what it gave to that. */
async function unread({ req }: Context): Promise<Request> {
  const isForm = 'formData' in req.bodyCache || 'parsedBody' in req.bodyCache;
  const fields = isForm ? [...(await req.formData())] : undefined;
  const texts = fields?.filter((field): field is [string, string] => typeof field[1] === 'string');
  const body = texts === undefined ? await req.text() : new URLSearchParams(texts).toString();
  const headers = new Headers(req.raw.headers);
  headers.set('content-length', String(Buffer.byteLength(body)));
  return new Request(req.url, { method: req.method, headers, body });
}

interface FastifyReplyLike {
  readonly raw: ServerResponse;
  hijack(): unknown;
}

/** What is used of a Fastify instance. */
export interface FastifyLike {
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(
    type: string,
    parser: (request: unknown, payload: unknown, done: (error: null) => void) => void,
  ): unknown;
  all(path: string, handler: (request: { readonly raw: IncomingMessage }, reply: FastifyReplyLike) => void): unknown;
}

/** Registered, it has an encapsulated context of its own, where bodies are left unread. */
export function fastifyPlugin(mountPath: string, handler: NodeHandler): (instance: FastifyLike) => Promise<void> {
  return async (instance) => {
    instance.removeAllContentTypeParsers();
    instance.addContentTypeParser('*', (_request, _payload, done) => done(null));
    for (const path of [mountPath, `${mountPath}/*`])
      instance.all(path, (request, reply) => {
        reply.hijack();
        handler(request.raw, reply.raw);
      });
  };
}
