import { expect, test } from 'vitest';
import { count, list, milliseconds, percent, ratio, words } from '../../../aggregator/page/format.ts';

test.each([
  [() => count(12_345), '12,345'],
  [() => count(12_345_678), '12.3M'],
  [() => count(null), '–'],
  [() => percent(-2585.19), '−2,585.19 %'],
  [() => ratio(0.9867), '98.67 %'],
  [() => milliseconds(0.6), '0.6 ms'],
  [() => milliseconds(62.87), '62.9 ms'],
  [() => milliseconds(4303.4), '4,303 ms'],
  [() => milliseconds(29_910), '29.9 s'],
  [() => milliseconds(undefined), '–'],
  [() => list([]), ''],
  [() => list(['a']), 'a'],
  [() => list(['a', 'b', 'c']), 'a, b and c'],
  [() => list(['a', 'b', 'c', 'd']), 'a, b and 2 more'],
  [() => words('blocked_share'), 'blocked share'],
  [() => words('csrf'), 'CSRF'],
  [() => words('sql_injection'), 'SQL injection'],
  [() => words('sqli_attempts'), 'SQL injection attempts'],
])('numbers and names as people read them: %#', (told, expected) => {
  expect(told()).toBe(expected);
});
