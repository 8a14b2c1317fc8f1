/** Computed answers, served again for a short time, and computed once for readers who ask at the same time. */
export interface AnswerCache<Answer> {
  /** @throws what `compute` throws; errors are not kept */
  get(key: string, compute: () => Promise<Answer>): Promise<{ readonly answer: Answer; readonly hit: boolean }>;
}

/** Answers kept at most: windows and services are chosen by clients. */
const MAX_ANSWERS = 256;

interface Entry<Answer> {
  readonly answer: Promise<Answer>;
  /** Infinity while it is being computed. */
  expiresMs: number;
}

/**
 * @param ttlMs 0 computes every answer anew, so that a reader always sees what was taken before it asked
 * @param nowMs a clock that never goes back
 */
export function createAnswerCache<Answer>(ttlMs: number, nowMs: () => number): AnswerCache<Answer> {
  const entries = new Map<string, Entry<Answer>>();

  async function computeAndKeep(key: string, compute: () => Promise<Answer>): Promise<Answer> {
    const entry: Entry<Answer> = { answer: compute(), expiresMs: Infinity };
    for (const oldest of entries.keys()) {
      if (entries.size < MAX_ANSWERS) break;
      entries.delete(oldest);
    }
    entries.set(key, entry);
    try {
      const answer = await entry.answer;
      entry.expiresMs = nowMs() + ttlMs;
      return answer;
    } catch (error) {
      if (entries.get(key) === entry) entries.delete(key);
      throw error;
    }
  }

  return {
    async get(key, compute) {
      if (ttlMs === 0) return { answer: await compute(), hit: false };
      const known = entries.get(key);
      if (known !== undefined && known.expiresMs > nowMs()) return { answer: await known.answer, hit: true };
      entries.delete(key);
      return { answer: await computeAndKeep(key, compute), hit: false };
    },
  };
}
