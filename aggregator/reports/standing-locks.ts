/** Locks that do not come free, of the day that ends with what was asked, whatever its window. */
import { OTHER } from '@vigil/semconv';
import { EMPTY_HISTOGRAM, type Histogram, merge } from '../domain/histogram.ts';
import { sortByLevel } from '../domain/recommendations.ts';
import {
  LOCK_HISTORY_SECONDS,
  type LockHistory,
  type LockStep,
  MIN_STANDSTILL_ATTEMPTS,
  recommendLock,
  STANDSTILL_STEP_SECONDS,
  STANDSTILL_WINDOW_SECONDS,
  standstillOf,
} from '../domain/standing-locks.ts';
import type { HistogramRow, Step, Store } from '../store/port.ts';
import { descending } from './quantities.ts';
import { type RecommendationBody, recommendationBody } from './recommendations.ts';
import type { Asked } from './report.ts';

/** Locks that are looked at step by step, most attempts in vain first. */
const MAX_LOCKS = 20;
/** As ten minutes at least lie between the first and the last step with attempts in vain. */
const STEPS_OF_A_STANDSTILL = 3;
/** Recommendations, the longest standstill first. */
const MAX_RECOMMENDATIONS = 5;

const HISTORY_STEP_SECONDS = 3600;

const TASK = 'vigil.task.name';
const OUTCOME = 'vigil.lock.outcome';
/** One lock, as far as names tell: a task may have many, and several stores may have one of its name. */
const LOCK = ['vigil.lock.system', TASK] as const;
const FOUND_HELD: readonly string[] = ['held', 'timeout'];

interface Lock {
  readonly system: string;
  readonly task: string;
}

/** How a lock went, step by step. */
interface LockCourse extends Lock {
  readonly steps: readonly (LockStep & { readonly holds: Histogram })[];
}

/**
 * With a service: of locks that it found held. Others may have them, so they are judged by what all services did.
 * @returns worst first
 */
export async function readStandingLocks(store: Store, asked: Asked): Promise<readonly RecommendationBody[]> {
  const nowMs = asked.window.range.toMs;
  const tasks = await readWaiting(store, asked);
  if (tasks.length === 0) return [];
  const day = await readCourses(store, nowMs, STANDSTILL_WINDOW_SECONDS, STANDSTILL_STEP_SECONDS, tasks);
  const standing = day.flatMap(({ system, task, steps }) => {
    const standstill = standstillOf(steps, nowMs);
    return standstill === undefined ? [] : [{ system, task, standstill }];
  });
  if (standing.length === 0) return [];
  const names = [...new Set(standing.map(({ task }) => task))];
  const week = await readCourses(store, nowMs, LOCK_HISTORY_SECONDS, HISTORY_STEP_SECONDS, names);
  const spoken = standing.flatMap(({ system, task, standstill }) => {
    const course = week.find((one) => one.system === system && one.task === task);
    return recommendLock({ system, task }, standstill, historyOf(course)) ?? [];
  });
  const context = {
    windowSeconds: STANDSTILL_WINDOW_SECONDS,
    events: 0,
    traceIds: { slowest: [], failed: [], none: [] },
  };
  const longest = descending(
    spoken,
    ({ evidence }) => evidence?.value ?? 0,
    ({ id }) => id,
  );
  return sortByLevel(longest)
    .slice(0, MAX_RECOMMENDATIONS)
    .map((one) => recommendationBody(one, context));
}

/**
 * Names of tasks with a lock that may stand still: attempts found it held, and none got it lately. Under no name, or that
 * of the overflow, stand the locks of many.
 */
async function readWaiting(store: Store, { window, service }: Asked): Promise<readonly string[]> {
  const attempts = (seconds: number, outcomes: readonly string[], ofService?: string) =>
    store.histograms({
      metric: 'vigil.lock.acquire.duration',
      range: rangeUntil(window.range.toMs, seconds, STANDSTILL_STEP_SECONDS),
      by: LOCK,
      where: { [OUTCOME]: outcomes },
      service: ofService,
    });
  const [inVain, lately] = await Promise.all([
    attempts(STANDSTILL_WINDOW_SECONDS, FOUND_HELD, service),
    attempts(STEPS_OF_A_STANDSTILL * STANDSTILL_STEP_SECONDS, ['acquired']),
  ]);
  const got = new Set(lately.map(({ key }) => JSON.stringify(key)));
  const waiting = inVain.filter(
    ({ key, histogram }) =>
      key[1] !== '' && key[1] !== OTHER && histogram.count >= MIN_STANDSTILL_ATTEMPTS && !got.has(JSON.stringify(key)),
  );
  const most = descending(
    waiting,
    ({ histogram }) => histogram.count,
    ({ key }) => JSON.stringify(key),
  );
  return [...new Set(most.slice(0, MAX_LOCKS).map(({ key }) => key[1]))];
}

async function readCourses(
  store: Store,
  nowMs: number,
  seconds: number,
  stepSeconds: number,
  tasks: readonly string[],
): Promise<readonly LockCourse[]> {
  const asking = { range: rangeUntil(nowMs, seconds, stepSeconds), stepSeconds, where: { [TASK]: tasks } };
  const [attempts, holds] = await Promise.all([
    store.histogramSteps({ metric: 'vigil.lock.acquire.duration', by: [...LOCK, OUTCOME], ...asking }),
    store.histogramSteps({ metric: 'vigil.lock.hold.duration', by: LOCK, ...asking }),
  ]);
  const locks = new Map(
    [...attempts, ...holds].flatMap(({ rows }) =>
      rows.map(({ key: [system, task] }) => [JSON.stringify([system, task]), { system, task }]),
    ),
  );
  const heldIn = new Map(holds.map((step) => [step.startMs, step]));
  return [...locks.values()].map((lock) => ({
    ...lock,
    steps: attempts.map((step) => stepOf(lock, step, heldIn.get(step.startMs)?.rows ?? [])),
  }));
}

function stepOf({ system, task }: Lock, { startMs, rows }: Step<HistogramRow>, holdRows: readonly HistogramRow[]) {
  const ofLock = ({ key }: HistogramRow): boolean => key[0] === system && key[1] === task;
  const attempts = (outcomes: readonly string[]): number =>
    rows.reduce((sum, row) => sum + (ofLock(row) && outcomes.includes(row.key[2]) ? row.histogram.count : 0), 0);
  const holds = holdRows.filter(ofLock).reduce((sum, { histogram }) => merge(sum, histogram), EMPTY_HISTOGRAM);
  return { startMs, acquired: attempts(['acquired']), foundHeld: attempts(FOUND_HELD), ended: holds.count, holds };
}

function historyOf(course: LockCourse | undefined): LockHistory {
  const steps = course?.steps.filter(({ acquired, ended }) => acquired > 0 || ended > 0) ?? [];
  return {
    acquired: steps.reduce((sum, { acquired }) => sum + acquired, 0),
    holds: steps.reduce((sum, { holds }) => merge(sum, holds), EMPTY_HISTOGRAM),
    firstMs: steps.at(0)?.startMs,
  };
}

/** Whole steps, as the blocks of a store have them; the last is the one that is going on. */
function rangeUntil(nowMs: number, seconds: number, stepSeconds: number) {
  const stepMs = stepSeconds * 1000;
  const toMs = Math.ceil(nowMs / stepMs) * stepMs;
  return { fromMs: toMs - seconds * 1000, toMs };
}
