/** Compiled in the project that has installed the packages: each line uses their declarations. */
import { trackMutation } from '@vigil/instrumentation-mutations';
import { flush, start, vigilNodeSdkConfiguration } from '@vigil/otel-config';
import { type MetricName, metrics } from '@vigil/semconv';

const name: MetricName = 'vigil.mutation.duration';
export const unit: string = metrics[name].unit;
export const resolver: (input: string) => number = trackMutation('Login', (input: string) => input.length);
export const isDone: Promise<boolean> = flush(100);
start({ instrumentations: [] });
vigilNodeSdkConfiguration({ serviceName: 'shop' });
// @ts-expect-error A limit is a number: declarations that came out as `any` would accept this.
flush('soon');
