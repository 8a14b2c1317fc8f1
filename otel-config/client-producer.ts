/** `vigil.security.clients` on its way out: as delta, beside the SDK's own metrics, so that clients are forgotten. */
import { ValueType } from '@opentelemetry/api';
import { millisToHrTime } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import { type ClientBlocks, openClientLedger } from '@vigil/instrumentation-security-blocks';
import { metrics } from '@vigil/semconv';

const SCOPE = { name: '@vigil/instrumentation-security-blocks' };
const NAME = 'vigil.security.clients';

/**
 * For one metric reader, which then exports blocks by client; give each reader its own, for a producer forgets what was
 * collected from it. Whatever temporality the reader prefers, this metric has delta.
 */
export function securityClientsProducer(): MetricProducer {
  const ledger = openClientLedger();
  return {
    async collect() {
      const taken = ledger.take();
      const scopeMetrics = taken.points.length === 0 ? [] : [{ scope: SCOPE, metrics: [metricOf(taken)] }];
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
    },
  };
}

function metricOf({ startMs, endMs, points }: ClientBlocks): MetricData {
  const { unit, description } = metrics[NAME];
  const times = { startTime: millisToHrTime(startMs), endTime: millisToHrTime(endMs) };
  return {
    descriptor: { name: NAME, unit, description, valueType: ValueType.INT },
    aggregationTemporality: AggregationTemporality.DELTA,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints: points.map(({ attributes, value }) => ({ ...times, attributes, value })),
  };
}
