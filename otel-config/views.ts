/** The Views: how the SDK aggregates what Vigil's instrumentations record. They are data, made from the registry. */
import { getStringListFromEnv } from '@opentelemetry/core';
import { AggregationType, createAllowListAttributesProcessor, type ViewOptions } from '@opentelemetry/sdk-metrics';
import {
  type AttributeKey,
  attributes,
  COMPLEXITY_BUCKET_EDGES,
  DURATION_BUCKET_EDGES_SECONDS,
  EXPONENTIAL_HISTOGRAM_MAX_BUCKETS,
  type MetricDefinition,
  metrics,
} from '@vigil/semconv';
import { type HistogramAggregation, requestedHistogramAggregation } from './otlp-settings.ts';

export interface VigilViewOptions {
  /** @default what the environment says, see `histogramAggregationFromEnvironment` */
  readonly histogramAggregation?: HistogramAggregation;
}

/**
 * Most attribute sets that a metric keeps apart where the registry does not bound them by itself; the rest is one set
 * with `otel.metric.overflow`. 2000 is the default of the OpenTelemetry specification (metrics SDK, cardinality limits).
 */
const OPEN_CARDINALITY_LIMIT = 2000;

/** One View a metric of the registry: aggregation, allow-list of attributes, cardinality limit. */
export function vigilViews(options: VigilViewOptions = {}): ViewOptions[] {
  const histogramAggregation = options.histogramAggregation ?? histogramAggregationFromEnvironment();
  return Object.entries(metrics).map(([instrumentName, metric]) => ({
    instrumentName,
    aggregation: aggregationOf(metric, histogramAggregation),
    attributesProcessors: [createAllowListAttributesProcessor([...metric.attributes])],
    aggregationCardinalityLimit: cardinalityLimitOf(metric),
  }));
}

/**
 * What `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` says, which the SDK does not read; exponential when it
 * says nothing. Prometheus' text format cannot carry exponential histograms, and Views hold for all readers: as soon as
 * the application is to be scraped its histograms are explicit ones.
 */
export function histogramAggregationFromEnvironment(): HistogramAggregation {
  if (getStringListFromEnv('OTEL_METRICS_EXPORTER')?.includes('prometheus')) return 'explicit_bucket_histogram';
  return requestedHistogramAggregation() ?? 'base2_exponential_bucket_histogram';
}

function aggregationOf(metric: MetricDefinition, histograms: HistogramAggregation): ViewOptions['aggregation'] {
  if (metric.kind === 'counter') return { type: AggregationType.SUM };
  if (histograms === 'base2_exponential_bucket_histogram')
    return {
      type: AggregationType.EXPONENTIAL_HISTOGRAM,
      options: { maxSize: EXPONENTIAL_HISTOGRAM_MAX_BUCKETS, recordMinMax: true },
    };
  const boundaries = metric.unit === 's' ? DURATION_BUCKET_EDGES_SECONDS : COMPLEXITY_BUCKET_EDGES;
  return {
    type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
    options: { boundaries: [...boundaries], recordMinMax: true },
  };
}

/**
 * All sets that the closed values can make, an absent attribute being one value more, and one for the overflow that the
 * SDK counts within its limit; or the general limit where a value is open.
 */
export function cardinalityLimitOf(metric: MetricDefinition): number {
  const sizes = metric.attributes.map((key: AttributeKey) => {
    const { values, extensible } = attributes[key];
    return values === undefined || extensible ? Number.POSITIVE_INFINITY : values.length + 1;
  });
  return Math.min(sizes.reduce((product, size) => product * size, 1) + 1, OPEN_CARDINALITY_LIMIT);
}
