/** An application that counts one mutation and then ends in the way that its argument names. */
import { createServer } from 'node:http';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { metrics } from '@opentelemetry/api';
import { onExit } from 'signal-exit';

const meter = metrics.getMeter('test');
meter.createCounter('vigil.graphql.requests').add(1);
meter.createHistogram('vigil.mutation.duration').record(0.2);

/** Keeps the process alive as a server does, until it is closed. */
function serve(): () => void {
  const server = createServer().listen(0, '127.0.0.1', () => console.log('ready'));
  return () => server.close();
}

const ways: Readonly<Record<string, () => void | Promise<void>>> = {
  'natural end'() {
    console.log('ready');
  },
  'exit code'() {
    process.exitCode = 3;
  },
  async 'process.exit after flush'() {
    const { flush } = await import('../../../otel-config/index.ts');
    await flush();
    process.exit(4);
  },
  'uncaught error'() {
    throw new Error('of the application');
  },
  'await for ever': () => new Promise(() => {}),
  'no handler'() {
    serve();
  },
  'handler that closes'() {
    const close = serve();
    process.once('SIGTERM', close);
  },
  'handler that exits later'() {
    serve();
    process.once('SIGTERM', async () => {
      // As long as what was counted takes to be sent on a busy machine.
      await sleep(1500);
      process.exit(5);
    });
  },
  'handler that ignores once'() {
    const close = serve();
    process.once('SIGTERM', () => setTimeout(close, 300));
  },
  'signal-exit'() {
    onExit(() => console.log('cleaned up'));
    serve();
  },
};
// From here on the stack of an error is the same, whatever was loaded before.
await nextTurn();
await ways[process.argv[2] ?? '']?.();
