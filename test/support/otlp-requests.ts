/** Requests of one point, sound but for what a test changes in them, as OTLP/JSON. */
import { encodeOtlp } from './otlp.ts';

/** A time of a point. */
export const TIME = '1790000000000000000';
/** An attribute with a text. */
export const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

export interface Parts {
  readonly resource?: readonly object[];
  readonly resourceSchema?: string;
  readonly scope?: object;
  readonly metric?: object;
  readonly data?: object;
  readonly point?: object;
}

/** A sound counter with one point, and what a test changes in it. */
export function counter({ resource, resourceSchema, scope, metric, data, point }: Parts = {}): object {
  return {
    resourceMetrics: [
      {
        resource: { attributes: [text('service.name', 'shop'), ...(resource ?? [])] },
        ...(resourceSchema !== undefined && { schemaUrl: resourceSchema }),
        scopeMetrics: [
          {
            scope: { name: '@vigil/task-locks', version: '0.1.0', ...scope },
            metrics: [
              {
                name: 'vigil.task.requests',
                unit: '{request}',
                sum: {
                  aggregationTemporality: 1,
                  isMonotonic: true,
                  dataPoints: [
                    {
                      timeUnixNano: TIME,
                      asInt: '1',
                      attributes: [text('vigil.task.name', 'auto_close_jobs')],
                      ...point,
                    },
                  ],
                  ...data,
                },
                ...metric,
              },
            ],
          },
        ],
      },
    ],
  };
}

/** The same with an explicit histogram of two buckets. */
export function histogram(point: object, metric: object = {}): object {
  const dataPoints = [{ timeUnixNano: TIME, count: '3', bucketCounts: ['1', '2'], explicitBounds: [0.5], ...point }];
  return counter({
    metric: {
      name: 'vigil.mutation.duration',
      unit: 's',
      sum: undefined,
      histogram: { aggregationTemporality: 1, dataPoints },
      ...metric,
    },
  });
}

/** The same with an exponential histogram of two buckets. */
export function exponential(point: object): object {
  const positive = { offset: 0, bucketCounts: ['1', '2'] };
  const dataPoints = [{ timeUnixNano: TIME, count: '3', scale: 3, positive, ...point }];
  return counter({
    metric: {
      name: 'vigil.mutation.duration',
      unit: 's',
      sum: undefined,
      exponentialHistogram: { aggregationTemporality: 2, dataPoints },
    },
  });
}

/** A request as protobuf. */
export const bytesOf = (request: object) =>
  encodeOtlp('ExportMetricsServiceRequest', JSON.parse(JSON.stringify(request)));
