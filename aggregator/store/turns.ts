import { setImmediate } from 'node:timers/promises';
import type { Store } from '../store/port.ts';

/** How long questions may keep everybody else waiting. */
const TURN_MS = 1;

/**
 * A store that lets others have their turn between two questions, once answering has taken its time: for work that nobody
 * waits for. A store that asks somebody else answers later and takes no time here, so its questions stay together. What
 * arrives between two questions is in the second one only.
 * @param nowMs a clock that never goes back
 */
export function takingTurns(store: Store, nowMs: () => number = () => performance.now()): Store {
  let spentMs = 0;
  let others: Promise<void> | undefined;
  const inTurn = <Question, Answer>(ask: (question: Question) => Promise<Answer>) => {
    return async (question: Question): Promise<Answer> => {
      while (others !== undefined) await others;
      const beganMs = nowMs();
      const answer = ask(question);
      spentMs += nowMs() - beganMs;
      if (spentMs >= TURN_MS) {
        spentMs = 0;
        others = setImmediate().then(() => {
          others = undefined;
        });
      }
      return answer;
    };
  };
  return {
    counts: inTurn((question) => store.counts(question)),
    histograms: inTurn((question) => store.histograms(question)),
    countSteps: inTurn((question) => store.countSteps(question)),
    histogramSteps: inTurn((question) => store.histogramSteps(question)),
    lifetimeCounts: inTurn((question) => store.lifetimeCounts(question)),
    lifetimeHistograms: inTurn((question) => store.lifetimeHistograms(question)),
    slowestSpans: (question, limit) => store.slowestSpans(question, limit),
    failedSpans: (question, limit) => store.failedSpans(question, limit),
    clients: inTurn((question) => store.clients(question)),
    state: () => store.state(),
  };
}
