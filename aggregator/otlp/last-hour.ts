const MINUTE_MS = 60_000;
const MINUTES = 60;

/** How often something happened in the last hour, to the minute: nothing of it outlives a restart. */
export class LastHour {
  /** Times by number of the minute since 1970, the oldest first; only minutes of the last hour. */
  readonly #byMinute = new Map<number, number>();

  add(times: number, nowMs: number): void {
    if (times === 0) return;
    const minute = Math.floor(nowMs / MINUTE_MS);
    this.#byMinute.set(minute, (this.#byMinute.get(minute) ?? 0) + times);
    this.#forget(minute);
  }

  total(nowMs: number): number {
    this.#forget(Math.floor(nowMs / MINUTE_MS));
    let total = 0;
    for (const times of this.#byMinute.values()) total += times;
    return total;
  }

  #forget(minute: number): void {
    for (const known of this.#byMinute.keys()) if (known <= minute - MINUTES) this.#byMinute.delete(known);
  }
}
