/** A process with a forked child, a cluster worker and a thread, each of which records one thing and ends by itself. */
import { fork } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { isMainThread, Worker } from 'node:worker_threads';
import { metrics } from '@opentelemetry/api';

metrics.getMeter('test').createCounter('vigil.graphql.requests').add(1);
const file = import.meta.filename;
if (isMainThread && cluster.isPrimary && process.argv[2] !== 'forked') {
  await Promise.all([
    once(fork(file, ['forked']), 'exit'),
    once(cluster.fork(), 'exit'),
    once(new Worker(new URL(import.meta.url)), 'exit'),
  ]);
} else if (isMainThread) {
  // The channel to the parent keeps a child alive until one of them lets go.
  if (cluster.worker) cluster.worker.disconnect();
  else process.disconnect();
}
