import { execFileSync, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const SOURCE = new URL('../../aggregator/garbage-collection.ts', import.meta.url).href;

/** Bytes of the young generation of a process after it kept what it made for a while, as if that had been large. */
function bytesAfterWork(first: string): number {
  const code = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { keepPausesShort } from '${SOURCE}';
    ${first}
    let kept = [];
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 100_000; i++) kept.push({ i, round });
      kept = kept.slice(-50_000);
    }
    console.log(getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space').space_size);`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' }));
}

test('this Node understands that the young generation is to stay as large as it is', () => {
  expect(bytesAfterWork('keepPausesShort();')).toBeLessThan(bytesAfterWork('') / 4);
});

test('this Node knows all that it is told', () => {
  const code = `import { keepPausesShort } from '${SOURCE}'; keepPausesShort();`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code]);
  expect([status, String(stdout), String(stderr)]).toEqual([0, '', '']);
});
