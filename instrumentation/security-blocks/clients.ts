/** What a reader of `vigil.security.clients` takes: each has a gate of its own, for each forgets what it has exported. */
import type { Attributes } from '@opentelemetry/api';
import { createClientGate } from './gate.ts';
import { gates } from './watch.ts';

/** Blocks by client since the last collection, or since the ledger was opened. */
export interface ClientBlocks {
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly endMs: number;
  /** One for each client and kind; those of clients without a series of their own have the address `_other`. */
  readonly points: readonly { readonly attributes: Attributes; readonly value: number }[];
}

export interface ClientLedger {
  take(): ClientBlocks;
  close(): void;
}

/** Most clients with a series of their own at a time. */
const MOST_CLIENTS = 1000;

/**
 * Counts from now on what is recorded in this process, by client, until it is closed. All points of all takes together
 * are all blocks; which clients are told apart is bounded, see `gate.ts`.
 * @param maxClients at least 1
 */
export function openClientLedger(maxClients = MOST_CLIENTS): ClientLedger {
  const gate = createClientGate(maxClients);
  gates.add(gate);
  let startMs = Date.now();
  return {
    take() {
      const endMs = Date.now();
      const points = gate.take(endMs).map(({ client, kind, count }) => ({
        attributes: {
          'client.address': client,
          'vigil.security.category': kind.category,
          ...(kind.pattern === undefined ? {} : { 'vigil.security.pattern': kind.pattern }),
        },
        value: count,
      }));
      const taken = { startMs, endMs, points };
      startMs = endMs;
      return taken;
    },
    close: () => void gates.delete(gate),
  };
}
