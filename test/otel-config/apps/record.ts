/** Records through the API what an instrumentation would, and some things that no View lets through. */
import { metrics } from '@opentelemetry/api';

const meter = metrics.getMeter('test');
const duration = meter.createHistogram('vigil.mutation.duration', { unit: 's' });
for (const seconds of [0.0001, 0.02, 0.4, 0.6, 3])
  duration.record(seconds, { 'vigil.mutation.name': 'login', 'vigil.mutation.outcome': 'success', 'user.id': '42' });
meter.createHistogram('vigil.mutation.complexity').record(7, { 'vigil.mutation.name': 'login', query: '{ secret }' });
const requests = meter.createCounter('vigil.graphql.requests');
for (let extra = 0; extra < 100; extra++)
  requests.add(1, { 'graphql.operation.type': `type ${extra}`, 'vigil.graphql.outcome': 'ok' });
meter.createHistogram('app.own.duration').record(0.3, { anything: 'stays' });
