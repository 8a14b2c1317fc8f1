/** MULTI … EXEC: the commands in between are answered with QUEUED, and their replies stand in the reply to EXEC. */
import { failCommand, type Pending, settleCommand } from './redis-commands.ts';
import type { Watch } from './watch.ts';

/** Most commands of one transaction that are followed. */
const MAX_FOLLOWED = 1000;

/** What is known of one open transaction. */
export interface Transaction {
  /** Commands queued so far. */
  length: number;
  readonly followed: { readonly position: number; readonly pending: Pending }[];
}

export function openTransaction(): Transaction {
  return { length: 0, followed: [] };
}

/** Every command of a transaction comes here, watched or not: their replies are told apart by position. */
export function queueCommand(transaction: Transaction, pending: Pending | undefined): void {
  const position = transaction.length++;
  if (pending !== undefined && transaction.followed.length < MAX_FOLLOWED)
    transaction.followed.push({ position, pending });
}

/** @param reply of EXEC: null when a watched key had changed, and then nothing was executed */
export function settleTransaction(watch: Watch, { followed }: Transaction, reply: unknown): void {
  if (!Array.isArray(reply)) return;
  for (const { position, pending } of followed) {
    const own: unknown = reply[position];
    if (own instanceof Error) failCommand(watch, pending, own);
    else settleCommand(watch, pending, own);
  }
}

export function failTransaction(watch: Watch, { followed }: Transaction, error: unknown): void {
  for (const { pending } of followed) failCommand(watch, pending, error);
}
