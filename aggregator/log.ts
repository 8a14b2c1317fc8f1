import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { newCorrelationId } from './correlation.ts';
import { printable } from './domain/printable.ts';

export type Log = Logger;

/**
 * JSON lines on standard error, each with a `correlation_id`: that of the request it is about, else that of this run.
 * Lines never hold keys, headers, addresses of requests or bodies: callers pass names and numbers of ours only.
 * @param to where lines go; standard error when absent
 */
export function openLog(level: string, to: DestinationStream = destination({ dest: 2, sync: true })): Log {
  const runId = newCorrelationId();
  return pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // What a line says itself stands above this.
      mixin: () => ({ correlation_id: runId }),
      // JSON escapes less than a terminal obeys.
      hooks: { streamWrite: (line) => `${printable(line.trimEnd())}\n` },
    },
    to,
  );
}
