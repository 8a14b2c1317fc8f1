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

/** A ratio as percent: 0.614 is "61 %", 0.0231 is "2.3 %". */
export function percentInWords(ratio: number): string {
  const percent = ratio * 100;
  const shown = Math.abs(percent) >= 10 ? Math.round(percent) : Math.round(percent * 10) / 10;
  return `${shown} %`;
}
