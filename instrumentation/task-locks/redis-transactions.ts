/** MULTI … EXEC: the commands in between are answered with QUEUED, and their replies stand in the reply to EXEC. */
import { failCommand, type Pending, settleCommand } from './redis-commands.ts';
import type { Watch } from './watch.ts';

/** Most commands of one transaction that are followed. */
const MAX_FOLLOWED = 1000;

/** What is known of one open transaction. */
export interface Transaction {
  readonly kind: 'transaction';
  /** Commands queued so far. */
  length: number;
  readonly followed: { readonly position: number; readonly pending: Pending }[];
}

export function openTransaction(): Transaction {
  return { kind: 'transaction', length: 0, followed: [] };
}

/** Every command of a transaction comes here, watched or not: their replies are told apart by position. */
export function queueCommand(transaction: Transaction, pending: Pending | undefined): void {
  const position = transaction.length++;
  if (pending !== undefined && transaction.followed.length < MAX_FOLLOWED)
    transaction.followed.push({ position, pending });
}

/** What waits for a reply: one command, or the EXEC of a transaction. */
export type Sent = Pending | Transaction;

/** Tells what a command or EXEC got; it never throws. */
export function tellReply(watch: Watch, sent: Sent, reply: unknown): void {
  try {
    if (sent.kind === 'transaction') settleTransaction(watch, sent, reply);
    else settleCommand(watch, sent, reply);
  } catch (error) {
    watch.diag.error('a Redis reply is not observed', error);
  }
}

/** Tells that a command or EXEC ended in an error; it never throws. */
export function tellError(watch: Watch, sent: Sent, error: unknown): void {
  try {
    if (sent.kind !== 'transaction') failCommand(watch, sent, error);
    else for (const { pending } of sent.followed) failCommand(watch, pending, error);
  } catch (failure) {
    watch.diag.error('a Redis reply is not observed', failure);
  }
}

/** @param reply of EXEC: null when a watched key had changed, and then nothing was executed */
function settleTransaction(watch: Watch, { followed }: Transaction, reply: unknown): void {
  if (!Array.isArray(reply)) return;
  for (const { position, pending } of followed) {
    const own: unknown = reply[position];
    if (own instanceof Error) failCommand(watch, pending, own);
    else settleCommand(watch, pending, own);
  }
}
