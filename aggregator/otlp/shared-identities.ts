/** Services of which several processes send under one identity, as far as their cumulative streams betray it. */

import { LastHour } from './last-hour.ts';

const MAX_SERVICES = 1000;

/**
 * One process that restarts ends one life of its streams before it begins the next, and its totals never fall in the
 * midst of one. Where either happens over and over, several processes are one stream: the receiver can tell them apart by
 * their start times alone, of which it remembers few.
 */
export class SharedIdentities {
  /** Bodies with such points, by service. */
  readonly #bodies = new Map<string, LastHour>();

  note(service: string, nowMs: number): void {
    let bodies = this.#bodies.get(service);
    if (bodies === undefined) {
      if (this.#bodies.size >= MAX_SERVICES) return;
      bodies = new LastHour();
      this.#bodies.set(service, bodies);
    }
    bodies.add(1, nowMs);
  }

  /** Bodies of the hour before `nowMs`, by service; services without any are left out. */
  lastHour(nowMs: number): ReadonlyMap<string, number> {
    const totals = new Map<string, number>();
    for (const [service, bodies] of this.#bodies) {
      const total = bodies.total(nowMs);
      if (total === 0) this.#bodies.delete(service);
      else totals.set(service, total);
    }
    return totals;
  }
}
