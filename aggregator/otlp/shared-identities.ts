/** Services of which several processes send under one identity, as far as their cumulative streams betray it. */

const HOUR_MS = 3_600_000;
/** Enough to say that it goes on; further ones of the same hour tell nothing more. */
const MAX_TIMES = 1000;
const MAX_SERVICES = 1000;

/**
 * One process that restarts ends one life of its streams before it begins the next, and its totals never fall in the
 * midst of one. Where either happens over and over, several processes are one stream: the receiver can tell them apart by
 * their start times alone, of which it remembers few.
 */
export class SharedIdentities {
  /** When bodies with such points came, Unix ms, by service; the newest last. */
  readonly #times = new Map<string, number[]>();

  note(service: string, nowMs: number): void {
    const times = this.#times.get(service) ?? [];
    if (times.length === 0 && this.#times.size >= MAX_SERVICES) return;
    if (times.length >= MAX_TIMES) times.shift();
    times.push(nowMs);
    this.#times.set(service, times);
  }

  /** Bodies of the hour before `nowMs`, by service; services without any are left out. */
  lastHour(nowMs: number): ReadonlyMap<string, number> {
    for (const [service, times] of this.#times) {
      const recent = times.filter((time) => time > nowMs - HOUR_MS);
      if (recent.length === 0) this.#times.delete(service);
      else this.#times.set(service, recent);
    }
    return new Map([...this.#times].map(([service, { length }]) => [service, length]));
  }
}
