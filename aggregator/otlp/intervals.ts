import type { StreamTable } from './streams.ts';

/** Recent intervals that a delta stream remembers: its state is their number, then from and to of each. */
const INTERVALS = 5;

/**
 * Notes the interval of a delta point, and whether it was new. One sender's intervals adjoin or leave holes, so
 * adjoining ones are kept as one, and whatever lies inside is a repetition. Senders that share an identity overlap
 * as they please: of theirs only an equal interval is a repetition.
 */
export function isNewInterval(streams: StreamTable, stream: number, start: number, time: number): boolean {
  const from = start === 0 ? time : start;
  const onlyEqual = start === 0 || (streams.instances[streams.instanceOf[stream]]?.anonymous ?? true);
  const at = streams.state[stream];
  const state = streams.arena.values;
  const n = at < 0 ? 0 : state[at];
  for (let i = at + 1; i <= at + 2 * n; i += 2)
    if (onlyEqual ? state[i] === from && state[i + 1] === time : state[i] <= from && time <= state[i + 1]) return false;
  streams.touch(stream);
  if (onlyEqual || !joinInterval(state, at, n, from, time)) addInterval(streams, stream, n, from, time, onlyEqual);
  return true;
}

function addInterval(
  streams: StreamTable,
  stream: number,
  had: number,
  from: number,
  time: number,
  overlapping: boolean,
): void {
  const n = Math.min(had + 1, INTERVALS);
  if (had === INTERVALS) forgetOldestHole(streams.arena.values, streams.state[stream], overlapping);
  // Most streams have one interval: room for more is made for those that do.
  const at = streams.resize(stream, 1 + 2 * n);
  const state = streams.arena.values;
  state[at] = n;
  state[at + 2 * n - 1] = from;
  state[at + 2 * n] = time;
}

/** Lengthens an interval that adjoins the new one, and closes the hole when it now adjoins another. */
function joinInterval(state: Float64Array, at: number, n: number, from: number, time: number): boolean {
  const end = at + 1 + 2 * n;
  for (let i = at + 1; i < end; i += 2) {
    if (state[i + 1] === from) state[i + 1] = time;
    else if (state[i] === time) state[i] = from;
    else continue;
    for (let j = at + 1; j < end; j += 2)
      if (j !== i && (state[j] === state[i + 1] || state[j + 1] === state[i])) {
        state[i] = Math.min(state[i], state[j]);
        state[i + 1] = Math.max(state[i + 1], state[j + 1]);
        state.copyWithin(j, end - 2, end);
        state[at]--;
        break;
      }
    return true;
  }
  return false;
}

/**
 * Makes room for one interval. Of one sender the two oldest become one, so that late points between them are taken for
 * repetitions; of intervals that may overlap the oldest is forgotten.
 */
function forgetOldestHole(state: Float64Array, at: number, overlapping: boolean): void {
  const pairs: [number, number][] = [];
  for (let i = at + 1; i < at + 1 + 2 * state[at]; i += 2) pairs.push([state[i], state[i + 1]]);
  pairs.sort((a, b) => a[0] - b[0]);
  const [oldest, second, ...rest] = pairs;
  const kept: [number, number][] = overlapping
    ? [second, ...rest]
    : [[oldest[0], Math.max(oldest[1], second[1])], ...rest];
  kept.forEach(([from, to], i) => {
    state[at + 1 + 2 * i] = from;
    state[at + 2 + 2 * i] = to;
  });
  state[at] = kept.length;
}
