/** When each service last sent something: of the services that did so last. */

const MAX_SERVICES = 1000;

export class Arrivals {
  /** Unix ms by `service.name`; who sent longest ago comes first. */
  readonly #byService: Map<string, number>;

  /** @param saved what `save` gave; undefined where nothing was saved */
  constructor(saved?: string) {
    this.#byService = new Map(saved === undefined ? [] : (JSON.parse(saved) as [string, number][]));
  }

  get byService(): ReadonlyMap<string, number> {
    return this.#byService;
  }

  note(services: Iterable<string>, nowMs: number): void {
    for (const service of services) {
      this.#byService.delete(service);
      this.#byService.set(service, nowMs);
      if (this.#byService.size > MAX_SERVICES) this.#byService.delete(this.#byService.keys().next().value as string);
    }
  }

  save(): string {
    return JSON.stringify([...this.#byService]);
  }
}
