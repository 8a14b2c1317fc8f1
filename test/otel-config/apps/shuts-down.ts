/** Records, shuts down, records what nobody shall see, and prints what is left of us. */
import { metrics } from '@opentelemetry/api';
import { shutdown } from '../../../otel-config/index.ts';

const counter = metrics.getMeter('test').createCounter('vigil.graphql.requests');
counter.add(1);
const isDone = await shutdown();
counter.add(1);
const listeners = ['SIGTERM', 'SIGINT', 'beforeExit'].reduce((sum, event) => sum + process.listenerCount(event), 0);
console.log(JSON.stringify({ isDone, again: await shutdown(), listeners }));
