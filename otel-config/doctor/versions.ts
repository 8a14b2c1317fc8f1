/** Ranges as this repository writes them: comparators joined by spaces, all of which must hold. */

/** @param range such as `>=16 <17`; an empty one holds for all */
export function satisfies(version: string, range: string): boolean {
  return range
    .split(/\s+/)
    .filter((part) => part !== '' && part !== '*')
    .every((part) => {
      const [, operator = '', bound = ''] = /^(>=|<)(.+)$/.exec(part) ?? [];
      const order = compare(version, bound);
      return operator === '>=' ? order >= 0 : order < 0;
    });
}

/** By numbers; what follows a hyphen is not looked at. */
function compare(one: string, other: string): number {
  const [left, right] = [numbersOf(one), numbersOf(other)];
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): number[] {
  return version
    .replace(/^v/, '')
    .replace(/[-+].*/, '')
    .split('.')
    .map(Number);
}
