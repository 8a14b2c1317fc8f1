/** A sampler that keeps the spans of security blocks, whatever becomes of the traces around them. */
import { diag } from '@opentelemetry/api';
import { getNumberFromEnv, getStringFromEnv } from '@opentelemetry/core';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import { spans } from '@vigil/semconv';

/** `security.block `, with which the names of those spans begin. */
const KEPT = spans.securityBlock.name.replace(/\{.*/, '');
const CATEGORY = 'vigil.security.category';

/**
 * A block is rare, its spans are bounded where they are made, and it tells of somebody who does not ask to be sampled.
 * @param sampler decides about all other spans
 */
export function keepingSecurityBlocks(sampler: Sampler): Sampler {
  return {
    shouldSample(context, traceId, name, kind, attributes, links) {
      if (name.startsWith(KEPT) && CATEGORY in attributes) return { decision: SamplingDecision.RECORD_AND_SAMPLED };
      return sampler.shouldSample(context, traceId, name, kind, attributes, links);
    },
    toString: () => `KeepingSecurityBlocks{${sampler}}`,
  };
}

const samplers: Readonly<Record<string, () => Sampler>> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: () => new TraceIdRatioBasedSampler(ratioFromEnvironment()),
  parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: () =>
    new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratioFromEnvironment()) }),
};

/** What `OTEL_TRACES_SAMPLER` asks for, by the OpenTelemetry specification and as sdk-node would choose it. */
export function samplerFromEnvironment(): Sampler {
  const name = getStringFromEnv('OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on';
  const make = Object.hasOwn(samplers, name) ? samplers[name] : undefined;
  if (make !== undefined) return make();
  diag.error(
    `OTEL_TRACES_SAMPLER is "${name}", but only ${Object.keys(samplers).join(', ')} are known; the first of the parent-based ones holds`,
  );
  return samplers['parentbased_always_on']!();
}

function ratioFromEnvironment(): number {
  const ratio = getNumberFromEnv('OTEL_TRACES_SAMPLER_ARG');
  if (ratio !== undefined && ratio >= 0 && ratio <= 1) return ratio;
  diag.error('OTEL_TRACES_SAMPLER_ARG takes a number from 0 to 1; 1 holds');
  return 1;
}
