import type { Store } from '../store/port.ts';

const remembered = new WeakSet<Store>();

/** Whether every question to it is asked once. */
export function isRemembering(store: Store): boolean {
  return remembered.has(store);
}

/** A store that is asked each question once: what one page or answer is made from shares most of its questions. For that one only. */
export function remembering(store: Store): Store {
  if (remembered.has(store)) return store;
  const answers = new Map<string, Promise<unknown>>();
  const once = <Question, Answer>(name: string, ask: (question: Question) => Promise<Answer>) => {
    return (question: Question): Promise<Answer> => {
      const key = `${name} ${JSON.stringify(question)}`;
      const known = answers.get(key) as Promise<Answer> | undefined;
      const answer = known ?? ask(question);
      if (known === undefined) answers.set(key, answer);
      return answer;
    };
  };
  const shared: Store = {
    counts: once('counts', (question) => store.counts(question)),
    histograms: once('histograms', (question) => store.histograms(question)),
    countSteps: once('countSteps', (question) => store.countSteps(question)),
    histogramSteps: once('histogramSteps', (question) => store.histogramSteps(question)),
    lifetimeCounts: once('lifetimeCounts', (question) => store.lifetimeCounts(question)),
    lifetimeHistograms: once('lifetimeHistograms', (question) => store.lifetimeHistograms(question)),
    slowestSpans: (question, limit) => store.slowestSpans(question, limit),
    failedSpans: (question, limit) => store.failedSpans(question, limit),
    clients: once('clients', (question) => store.clients(question)),
    state: () => store.state(),
  };
  remembered.add(shared);
  return shared;
}
