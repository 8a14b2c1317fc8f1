/** Stands between a Collector and the aggregator and refuses the first requests: no aggregator is overloaded at will. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RefusingProxy {
  readonly url: string;
  readonly refused: number;
  close(): void;
}

/** @param times how many requests get `status`; all later ones are passed on as they are */
export async function startRefusingProxy(target: string, status: number, times: number): Promise<RefusingProxy> {
  let refused = 0;
  const server = createServer((incoming, outgoing) => {
    if (refused < times) {
      refused++;
      incoming.resume().once('end', () => outgoing.writeHead(status, { 'Retry-After': '1' }).end());
      return;
    }
    const { method, headers, url } = incoming;
    const onward = request(new URL(url ?? '/', target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.once('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get refused() {
      return refused;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
