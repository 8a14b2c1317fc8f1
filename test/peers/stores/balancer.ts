/** A small load balancer: each request to the next aggregator, and to the one after it when that does not answer. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Balancer {
  readonly url: string;
  /** Requests by aggregator. */
  readonly served: readonly number[];
  /** How often an aggregator did not answer. */
  readonly noticed: number;
  close(): void;
}

export async function startBalancer(urls: readonly string[]): Promise<Balancer> {
  const served = urls.map(() => 0);
  let next = 0;
  let noticed = 0;
  const forward = async (path: string, headers: Record<string, string>): Promise<Response> => {
    for (let tries = 0; ; tries++) {
      const at = next++ % urls.length;
      try {
        const answer = await fetch(urls[at] + path, { headers, signal: AbortSignal.timeout(20_000) });
        const body = await answer.arrayBuffer();
        served[at]++;
        return new Response(body, { status: answer.status });
      } catch (error) {
        noticed++;
        if (tries === urls.length) throw error;
      }
    }
  };
  const server = createServer((request, response) => {
    const key = String(request.headers['x-monitoring-api-key'] ?? '');
    forward(request.url ?? '/', { 'X-Monitoring-API-Key': key }).then(
      async (answer) => response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer())),
      (error) => response.writeHead(502).end(String(error)),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    served,
    get noticed() {
      return noticed;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
