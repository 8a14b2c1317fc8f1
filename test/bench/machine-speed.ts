/**
 * How fast this machine is at two things that receiving and answering are made of and that are not ours. The goals were
 * set on another machine, and a virtual one changes by a factor of two within hours: without this a figure that missed
 * its goal tells nothing.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import { median } from './report.ts';
import { createBodySource } from './telemetry.ts';

const WARMING = 5;
const ROUNDS = 15;
const TIMES = 5;
/** Where the goals were set, with bodies of the same make. */
const GOAL_MACHINE = { parse: 312, gunzip: 846 };

/** Megabytes of text, or of what comes out, in a second of the processor's time. */
export interface MachineSpeed {
  readonly parse: number;
  readonly gunzip: number;
}

/** Each call of what it answers takes one to two seconds. */
export function createSpeedometer(): () => MachineSpeed {
  const moment = { startMs: 1_790_000_000_000, timeMs: 1_790_000_010_000, factor: 1 };
  const plain = (encoding: 'json' | 'protobuf') =>
    createBodySource({ points: 4000, cumulative: false, encoding }).plain(0, moment);
  const text = plain('json').toString();
  const { length } = plain('protobuf');
  const packed = gzipSync(plain('protobuf'));
  return () => ({
    parse: text.length / microseconds(() => JSON.parse(text)),
    gunzip: length / microseconds(() => gunzipSync(packed, { chunkSize: length })),
  });
}

function microseconds(work: () => unknown): number {
  const times: number[] = [];
  for (let i = -WARMING; i < ROUNDS; i++) {
    const began = process.threadCpuUsage();
    // The system counts the time of a thread in steps that may be longer than one of these.
    for (let n = 0; n < TIMES; n++) work();
    const { user, system } = process.threadCpuUsage(began);
    if (i >= 0) times.push((user + system) / TIMES);
  }
  return median(times);
}

/** One line. */
export function describeSpeed(before: MachineSpeed, after: MachineSpeed): string {
  const part = (name: string, key: keyof MachineSpeed): string => {
    const share = (speed: number) => (speed / GOAL_MACHINE[key]).toFixed(2);
    return `${name} ${Math.round(before[key])} MB/s before and ${Math.round(after[key])} after (${share(before[key])} and ${share(after[key])})`;
  };
  return `This machine, and its share of the speed of the one that the goals were set on: ${part('JSON.parse', 'parse')}, ${part('gunzip', 'gunzip')}.`;
}
