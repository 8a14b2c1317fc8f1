/** The spans of blocks, of which a flood makes no flood. */
import type { Attributes, Tracer } from '@opentelemetry/api';
import { OTHER } from '@vigil/semconv';
import { attributesOf, type SecurityAction, type SecuritySurface } from './counts.ts';
import type { Kind } from './kinds.ts';

/** What a span tells. */
export interface SpannedBlock {
  readonly kind: Kind;
  readonly action: SecurityAction;
  readonly surface: SecuritySurface;
  readonly parameter: string | undefined;
  readonly client: string | undefined;
}

export interface BlockSpans {
  /** Makes a span of no length in the active trace, unless there were too many lately. */
  record(block: SpannedBlock, nowMs: number): void;
}

/** How many seconds' worth of spans a quiet time saves up. */
const BURST_SECONDS = 10;

/** Names of parameters are chosen by clients: kept are those that look like one. */
const PARAMETER = /^[\w$.[\]-]{1,64}$/;

/** A token bucket (`perSecond`, with a tenfold burst) before the tracer. */
export function createBlockSpans(tracer: () => Tracer, perSecond: number): BlockSpans {
  const most = perSecond * BURST_SECONDS;
  let tokens = most;
  let filledMs = Number.NEGATIVE_INFINITY;
  return {
    record(block, nowMs) {
      // A clock that was set back fills nothing.
      tokens = Math.min(most, tokens + Math.max(0, ((nowMs - filledMs) / 1000) * perSecond));
      filledMs = nowMs;
      if (!(tokens >= 1)) return;
      tokens--;
      const { kind, action, surface } = block;
      const attributes: Attributes = attributesOf(kind, action, surface);
      if (block.parameter !== undefined)
        attributes['vigil.security.parameter'] = PARAMETER.test(block.parameter) ? block.parameter : OTHER;
      if (block.client !== undefined) attributes['client.address'] = block.client;
      tracer().startSpan(`security.block ${kind.category}`, { attributes, startTime: nowMs }).end(nowMs);
    },
  };
}
