import { expect, test } from 'vitest';
import { correlationIdOf, newCorrelationId } from '../../aggregator/correlation.ts';
import { openLog } from '../../aggregator/log.ts';
import { keepLog } from '../support/read-side.ts';

test('every line is JSON with a time, a level, a message and exactly one correlation id', () => {
  const { log, lines } = keepLog('info');
  log.info('listening');
  log.warn({ correlation_id: 'abc' }, 'refused');
  log.debug('not shown');
  const [first, second] = lines();
  expect(lines()).toHaveLength(2);
  expect(first).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    correlation_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    message: 'listening',
  });
  expect(second).toMatchObject({ level: 'warn', correlation_id: 'abc' });
});

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

test.each<[string, string | undefined, string | undefined, string | undefined]>([
  ['a valid traceparent', `00-${TRACE}-00f067aa0ba902b7-01`, 'mine', TRACE],
  ['a later version with more', `01-${TRACE}-00f067aa0ba902b7-01-more`, 'mine', TRACE],
  ['version 00 with more', `00-${TRACE}-00f067aa0ba902b7-01-more`, 'mine', 'mine'],
  ['version ff', `ff-${TRACE}-00f067aa0ba902b7-01`, 'mine', 'mine'],
  ['capital letters', `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`, 'mine', 'mine'],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, 'mine', 'mine'],
  ['a parent id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`, 'mine', 'mine'],
  ['no traceparent', undefined, '018f-A.b_c', '018f-A.b_c'],
  ['an id with a quote', undefined, 'a"b', undefined],
  ['an id that begins with a dash', undefined, '-a', undefined],
  ['an id that is too long', undefined, 'a'.repeat(129), undefined],
  ['nothing', undefined, undefined, undefined],
])('correlation id from %s', (_name, traceparent, given, expected) => {
  const id = correlationIdOf(traceparent, given);
  if (expected === undefined) expect(id).toMatch(/^[0-9a-f]{32}$/);
  else expect(id).toBe(expected);
});

test('new ids differ', () => {
  expect(new Set(Array.from({ length: 100 }, newCorrelationId)).size).toBe(100);
});

test('a name that came with telemetry moves no terminal, turns nothing around, and is read back as it was', () => {
  const name = 'a\u0000\u001b[2J\n\r\u007f\u009b2J\u2028\u202eb\u2066é\u05d0';
  let text = '';
  openLog('info', { write: (line) => void (text += line) }).info({ name }, name);
  expect(text).toMatch(/^\{[\x20-\x7eé\u05d0]*\}\n$/);
  expect(JSON.parse(text)).toMatchObject({ name, message: name });
});
