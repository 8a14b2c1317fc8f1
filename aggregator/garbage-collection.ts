import { setFlagsFromString } from 'node:v8';

/**
 * Keeps collections of garbage short and full ones, of 10 to 40 ms, rare: for a process of our own, when its modules are
 * loaded. V8 is content when they take 3 % of the time, so that it leaves a heap as small and as even as ours hardly any
 * room above what lives, and begins a full collection whenever that room is less than the part where objects are new:
 *
 * - That part stays as large as it is then, 8 MiB of the 32 that it would grow to. Arrays, in which answers are added up,
 *   take the room until it is full and looked through, for which a millisecond is enough as long as it is small.
 * - The room is twice what lives, some 50 MiB: one collection a minute at most was seen then, and one every three seconds
 *   without.
 */
export function keepPausesShort(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=200');
}
