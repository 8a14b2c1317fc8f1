import type { IncomingMessage } from 'node:http';
import { walkHttp } from '../http-leaves.ts';
import { createInspection, REFUSAL, type SqlInjectionOptions } from '../inspection.ts';

/** What is used of Fastify's request, reply and instance. */
export interface FastifyRequestShape {
  readonly raw: IncomingMessage;
  readonly originalUrl?: string;
  readonly url: string;
  readonly body: unknown;
}
export interface FastifyReplyShape {
  code(status: number): FastifyReplyShape;
  type(mediaType: string): FastifyReplyShape;
  send(payload: string): unknown;
}
export interface FastifyShape {
  addHook(
    name: 'preValidation',
    hook: (request: FastifyRequestShape, reply: FastifyReplyShape, done: () => void) => void,
  ): unknown;
}

export type FastifyPluginShape = (fastify: FastifyShape, options: SqlInjectionOptions, done: () => void) => void;

/**
 * Looks at each request for SQL-injection attempts when its body is parsed. A plugin: `app.register(fastifySqlInjection,
 * { block: true })`; it holds for all routes of the instance it is registered on that come after it.
 */
export const fastifySqlInjection: FastifyPluginShape = Object.assign(registerInspection, {
  // As fastify-plugin does: without it the hook would hold inside the plugin alone.
  [Symbol.for('skip-override')]: true,
});

function registerInspection(fastify: FastifyShape, options: SqlInjectionOptions, done: () => void): void {
  const inspect = createInspection(options);
  fastify.addHook('preValidation', (request, reply, goOn) => {
    const found = inspect(
      (walk) => {
        const { raw, originalUrl, url, body } = request;
        const header = (name: string) => raw.headers[name.toLowerCase()];
        walkHttp(walk, { url: originalUrl ?? url, header, body }, options.headers ?? []);
      },
      { request },
    );
    if (found === undefined) goOn();
    else reply.code(403).type('application/json; charset=utf-8').send(REFUSAL);
  });
  done();
}
