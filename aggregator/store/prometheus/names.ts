/** How Vigil's metrics are called in Prometheus, and how what people choose is written into PromQL. */
import { type MetricName, metrics } from '@vigil/semconv';

/**
 * The name that OpenTelemetry's translation gives a metric: dots become underscores, seconds and `_total` are appended,
 * and units in braces are left out.
 * @see https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 */
export function seriesName(metric: MetricName): string {
  const { unit, kind } = metrics[metric];
  return `${metric.replaceAll('.', '_')}${unit === 's' ? '_seconds' : ''}${kind === 'counter' ? '_total' : ''}`;
}

/** A series that every sender of the metric has, be its histograms explicit or native. */
export function countNames(metric: MetricName): readonly string[] {
  const name = seriesName(metric);
  return metrics[metric].kind === 'counter' ? [name] : [name, `${name}_count`];
}

/** The label of a service. OpenTelemetry's translation makes `job` of `service.name`, with its namespace before a slash. */
export interface ServiceLabel {
  readonly name: string;
}

export function labelName(attribute: string, service: ServiceLabel): string {
  return attribute === 'service.name' ? service.name : attribute.replaceAll('.', '_');
}

/** The `service.name` that a label's value stands for. */
export function serviceOf(value: string, { name }: ServiceLabel): string {
  return name === 'job' ? value.slice(value.lastIndexOf('/') + 1) : value;
}

export function serviceMatcher(service: string, { name }: ServiceLabel): string {
  return name === 'job' ? `job=~${quote(`(?:.+/)?${literally(service)}`)}` : `${name}=${quote(service)}`;
}

/** A matcher for any of some values; '' stands for an absent label. */
export function valuesMatcher(label: string, values: readonly string[]): string {
  const [only] = values;
  return values.length === 1 ? `${label}=${quote(only)}` : `${label}=~${quote(values.map(literally).join('|'))}`;
}

/** A string of PromQL: its escapes are those of Go, which has all that JSON writes; halves of surrogate pairs it has not. */
export function quote(text: string): string {
  return JSON.stringify(text.toWellFormed());
}

/** A regular expression that matches this text and no other. */
function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
