/** What a sender is told of points that were not taken: which, why, and what to do. */
import { type MetricName, metrics } from '@vigil/semconv';
import type { Rejected, RejectReason } from './batch.ts';
import { MAX_BUCKETS } from './judgement.ts';
import type { Accepted } from './receiver.ts';

const LOOK_AT_TIMES = "look at the sender's clock, and whether its times are nanoseconds";

/** What is asked for instead. */
const WANTED: Readonly<Record<RejectReason, string | ((metric: MetricName) => string)>> = {
  'wrong kind of metric': (metric) => `${metric} is a ${metrics[metric].kind}`,
  'wrong unit': (metric) => `${metric} is measured in ${metrics[metric].unit}`,
  'no aggregation temporality': 'it must be delta or cumulative',
  'malformed histogram': `bucket counts must add up to the count, be ${MAX_BUCKETS} at most and, with explicit bounds, one more than these, which rise`,
  'not a finite number': 'NaN or an infinity was recorded',
  'below zero': 'a monotonic sum only grows',
  'no time': 'timeUnixNano is missing',
  'older than 24 hours': LOOK_AT_TIMES,
  'more than 10 minutes ahead': LOOK_AT_TIMES,
  'too many streams':
    'too many processes or values of attributes send: aggregator_instances and aggregator_streams tell',
  'too many different bucket edges': 'give all senders the same explicit bounds',
};

export const REJECT_REASONS: readonly RejectReason[] = Object.keys(WANTED) as RejectReason[];

export function describeRejected(rejected: ReadonlyMap<RejectReason, Rejected>): Accepted {
  let total = 0;
  const sentences = [...rejected].map(([reason, { points, metrics: names }]) => {
    total += points;
    const whose = names.size === 0 ? '' : ` of ${[...names].join(', ')}`;
    const wanted = WANTED[reason];
    const told = typeof wanted === 'string' ? wanted : [...names].map(wanted).join(', ');
    return `${points} ${points === 1 ? 'point' : 'points'}${whose}: ${reason} (${told})`;
  });
  return { rejected: total, message: sentences.join('; ') };
}

/** Unknown fields of JSON are to be passed over: a body of nothing else is no error, but its sender should know. */
export function nothingRead(wanted: 'resourceMetrics' | 'resourceSpans'): Accepted {
  const message = `Nothing was read: the body has no ${wanted}. Names in OTLP/JSON are lowerCamelCase; metrics go to /v1/metrics, spans to /v1/traces.`;
  return { rejected: 0, message };
}
