/** Counts GraphQL requests. Every query passes here, so counting is one addition; the SDK reads the sums when it collects. */

import type { Attributes, Meter, ObservableCallback, ObservableCounter } from '@opentelemetry/api';
import { attributes, metrics } from '@vigil/semconv';

export type RequestType = 'query' | 'mutation' | 'subscription' | 'unknown';
export type RequestOutcome = 'ok' | 'error' | 'blocked';

export interface RequestCounts {
  count(type: RequestType, outcome: RequestOutcome): void;
  /** Lets another meter read the counts, from now on alone; the counts go on. */
  useMeter(meter: Meter): void;
}

const OPERATION_TYPE = 'graphql.operation.type';
const OUTCOME = 'vigil.graphql.outcome';

/** One count for each operation type and outcome, since the process started; a pair never seen is not reported. */
export function createRequestCounts(): RequestCounts {
  const cells = new Map<string, { readonly attributes: Attributes; count: number }>();
  for (const type of attributes[OPERATION_TYPE].values ?? []) {
    for (const outcome of attributes[OUTCOME].values ?? []) {
      cells.set(`${type} ${outcome}`, { attributes: { [OPERATION_TYPE]: type, [OUTCOME]: outcome }, count: 0 });
    }
  }
  let instrument: ObservableCounter | undefined;
  const observe: ObservableCallback = (result) => {
    for (const cell of cells.values()) if (cell.count > 0) result.observe(cell.count, cell.attributes);
  };
  return {
    count(type, outcome) {
      const cell = cells.get(`${type} ${outcome}`);
      if (cell !== undefined) cell.count++;
    },
    useMeter(meter) {
      instrument?.removeCallback(observe);
      const { unit, description } = metrics['vigil.graphql.requests'];
      instrument = meter.createObservableCounter('vigil.graphql.requests', { unit, description });
      instrument.addCallback(observe);
    },
  };
}
