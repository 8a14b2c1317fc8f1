/** `vigil.security.blocks`: counting is one addition; the SDK reads the sums when it collects. */
import type { Attributes, Meter, ObservableCallback, ObservableCounter } from '@opentelemetry/api';
import { metrics } from '@vigil/semconv';
import type { Kind } from './kinds.ts';

export type SecurityAction = 'blocked' | 'detected';
export type SecuritySurface = 'graphql' | 'http';

export interface BlockCounts {
  count(kind: Kind, action: SecurityAction, surface: SecuritySurface): void;
  /** Lets another meter read the counts, from now on alone; the counts go on. */
  useMeter(meter: Meter): void;
}

interface Cell {
  readonly attributes: Attributes;
  count: number;
}

/** One count for each kind, action and surface that was seen since the process started. */
export function createBlockCounts(): BlockCounts {
  /** At the kind's number times four, and one of four for action and surface. */
  const cells: (Cell | undefined)[] = [];
  let instrument: ObservableCounter | undefined;
  const observe: ObservableCallback = (result) => {
    for (const cell of cells) if (cell !== undefined) result.observe(cell.count, cell.attributes);
  };
  return {
    count(kind, action, surface) {
      const at = kind.id * 4 + (action === 'blocked' ? 0 : 2) + (surface === 'http' ? 0 : 1);
      const cell = (cells[at] ??= { attributes: attributesOf(kind, action, surface), count: 0 });
      cell.count++;
    },
    useMeter(meter) {
      instrument?.removeCallback(observe);
      const { unit, description } = metrics['vigil.security.blocks'];
      instrument = meter.createObservableCounter('vigil.security.blocks', { unit, description });
      instrument.addCallback(observe);
    },
  };
}

/** The attributes of the metric, which the span has, too. */
export function attributesOf(kind: Kind, action: SecurityAction, surface: SecuritySurface): Attributes {
  return {
    'vigil.security.category': kind.category,
    ...(kind.pattern === undefined ? {} : { 'vigil.security.pattern': kind.pattern }),
    'vigil.security.action': action,
    'vigil.security.surface': surface,
  };
}
