/** The app behind servers that are not hono's: whatever path they have cut off, it sees the whole one. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { markMonitoringRequest } from '@vigil/semconv';
import { Hono } from 'hono';
import type { App } from './app.ts';

/** Express keeps the whole path in `originalUrl`, and what a parser has read in `body`. */
export type NodeRequest = IncomingMessage & { originalUrl?: string; body?: unknown; rawBody?: unknown };
export type NodeHandler = (request: NodeRequest, response: ServerResponse) => void;

export function nodeHandler(app: App): NodeHandler {
  // The application's globals are not ours to replace.
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  return (request, response) => {
    request.url = request.originalUrl ?? request.url;
    markMonitoringRequest(request);
    giveBack(request);
    void listener(request, response);
  };
}

/** A form that a parser before us has read is put where the listener looks for it: its stream is at its end. */
function giveBack(request: NodeRequest): void {
  const { body } = request;
  if (!request.readableEnded || typeof body !== 'object' || body === null || request.rawBody !== undefined) return;
  const fields = Object.entries(body).filter((field): field is [string, string] => typeof field[1] === 'string');
  const form = Buffer.from(new URLSearchParams(fields).toString());
  request.rawBody = form;
  request.headers['content-length'] = String(form.length);
}

/** For Hono: the request of Node's server behind it, where there is one, is known to be ours from then on. */
export function honoApp(app: App): Hono {
  return new Hono().all('*', (c) => {
    const { incoming } = (c.env ?? {}) as { readonly incoming?: IncomingMessage };
    if (incoming !== undefined) markMonitoringRequest(incoming);
    return app.fetch(c.req.raw, c.env as never);
  });
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
