/** Numbers as people say them. */

const UNITS: readonly (readonly [seconds: number, name: string])[] = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
];

/** A duration in the largest unit of which there is at least one: "1.2 days", "36 minutes", "less than a minute". */
export function durationInWords(seconds: number): string {
  const fitting = UNITS.find(([length]) => seconds >= length);
  if (fitting === undefined) return 'less than a minute';
  const [length, name] = fitting;
  const number = seconds / length;
  // Above ten nobody wants to know the tenths.
  const shown = number >= 10 ? Math.round(number) : Math.round(number * 10) / 10;
  return `${shown} ${name}${shown === 1 ? '' : 's'}`;
}

/** A multiple: 2.585 is "2.6 times", 26.85 is "27 times". */
export function timesInWords(ratio: number): string {
  return `${ratio >= 10 ? Math.round(ratio) : Math.round(ratio * 10) / 10} times`;
}

/** A ratio as percent, to two digits and three decimals: 0.614 is "61 %", 0.0231 "2.3 %", 0.000338 "0.034 %". */
export function percentInWords(ratio: number): string {
  const percent = ratio * 100;
  const decimals = [10, 1, 0.1].findIndex((from) => Math.abs(percent) >= from);
  return `${Number(percent.toFixed(decimals < 0 ? 3 : decimals))} %`;
}
