import { START, type StreamTable } from './streams.ts';

/** Earlier lives of a cumulative stream that are remembered. */
const LIVES = 3;

/**
 * The stream that holds the life which began at `start`. A later start moves the present state into the chain of
 * earlier lives, so that the number of the stream stays that of the present life.
 * @returns -1 for an unknown earlier life when there is no room for it
 */
export function lifeOf(streams: StreamTable, head: number, start: number): number {
  if (streams.state[head] < 0) return head;
  const present = streams.arena.values[streams.state[head] + START];
  if (present === start) return head;
  if (start > present) {
    streams.touch(head);
    const old = streams.add(streams.instanceOf[head], streams.entryOf[head]);
    if (old < 0) {
      forgetValues(streams, head);
      return head;
    }
    streams.state[old] = streams.state[head];
    streams.stateLength[old] = streams.stateLength[head];
    streams.older[old] = streams.older[head];
    streams.state[head] = -1;
    streams.older[head] = old;
    boundLives(streams, head);
    return head;
  }
  let lives = 0;
  for (let id = streams.older[head]; id >= 0; id = streams.older[id], lives++)
    if (streams.arena.values[streams.state[id] + START] === start) return id;
  // Beyond the bound it cannot be known what of this life was counted: dropping it cannot double it.
  if (lives >= LIVES) return -1;
  const life = streams.add(streams.instanceOf[head], streams.entryOf[head]);
  if (life < 0) return -1;
  streams.touch(head);
  streams.older[life] = streams.older[head];
  streams.older[head] = life;
  return life;
}

function forgetValues(streams: StreamTable, stream: number): void {
  const at = streams.state[stream];
  streams.arena.values.fill(0, at, at + streams.stateLength[stream]);
}

function boundLives(streams: StreamTable, head: number): void {
  let id = head;
  for (let i = 0; i < LIVES && id >= 0; i++) id = streams.older[id];
  if (id >= 0 && streams.older[id] >= 0) {
    streams.touch(id);
    streams.release(streams.older[id]);
    streams.older[id] = -1;
  }
}
