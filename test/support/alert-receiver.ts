/** A real HTTP receiver of alerts, with faults on request. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';

export interface ReceivedAlert {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface AlertReceiver {
  readonly url: string;
  /** Everything that was answered or left hanging, in order. */
  readonly received: readonly ReceivedAlert[];
  /** The status of the next answers; `hang` answers nothing. */
  answer: number | 'hang';
  /** Headers of the next answers. */
  headers: Record<string, string>;
  /** Bodies as JSON. */
  bodies<Body = WebhookBody>(): Body[];
  close(): Promise<void>;
}

export interface WebhookBody {
  readonly type: string;
  readonly timestamp: string;
  readonly data: {
    readonly id: string;
    readonly status: string;
    readonly name: string;
    readonly labels: Record<string, string>;
    readonly summary: string;
    readonly description: string;
    readonly starts_at: string;
    readonly ends_at: string | null;
    readonly dashboard_url: string | null;
  };
}

/** @param port a free one when absent */
export async function startReceiver(port = 0): Promise<AlertReceiver> {
  const received: ReceivedAlert[] = [];
  const server: Server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    received.push({ path: request.url ?? '', headers: request.headers, text });
    if (receiver.answer !== 'hang') response.writeHead(receiver.answer, receiver.headers).end('ok');
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const receiver: AlertReceiver = {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    received,
    answer: 200,
    headers: {},
    bodies: <Body>() => received.map(({ text }) => JSON.parse(text) as Body),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}

/** Waits until something holds. @throws after `withinMs`, naming it */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`within ${withinMs / 1000} s it did not come to this: ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}
