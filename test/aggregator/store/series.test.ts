import { describe, expect, test } from 'vitest';
import { NUMBER } from '../../../aggregator/otlp/batch.ts';
import { SeriesDirectory, type SeriesKey } from '../../../aggregator/store/embedded/series.ts';

const key = (over: Partial<SeriesKey> = {}): SeriesKey => ({
  metric: 'vigil.task.requests',
  kind: NUMBER,
  service: 'shop',
  version: '1',
  values: ['send_email', 'global', 'executed'],
  bounds: -1,
  ...over,
});
const limits = { total: 6, perMetric: 4, versionsPerService: 2, edgeLists: 3 };

describe('bounds', () => {
  test('above the bound of a metric everything new is one series, told apart by closed sets only', () => {
    const directory = new SeriesDirectory(limits);
    for (let task = 0; task < 4; task++) directory.resolve(key({ values: [`task${task}`, 'global', 'executed'] }));
    const a = directory.resolve(key({ values: ['task4', 'global', 'executed'] }));
    const b = directory.resolve(key({ values: ['task5', 'global', 'executed'], service: 'other' }));
    const c = directory.resolve(key({ values: ['task6', 'user', 'prevented'] }));
    expect(a).toBe(b);
    expect(c).not.toBe(a);
    expect(directory.key(c).values).toEqual(['_OTHER', 'user', 'prevented']);
    expect(directory.overflowed).toBe(3);
    const known = directory.resolve(key({ values: ['task2', 'global', 'executed'] }));
    expect(directory.key(known).values[0]).toBe('task2');
  });
});

describe('versions', () => {
  test('the newest keep their names, an older one becomes _OTHER and keeps its numbers', () => {
    const directory = new SeriesDirectory(limits);
    const first = directory.resolve(key({ version: '1' }));
    directory.resolve(key({ version: '2' }));
    const third = directory.resolve(key({ version: '3' }));
    expect([first, third].map((id) => directory.key(id).version)).toEqual(['_OTHER', '3']);
    const fourth = directory.resolve(key({ version: '4' }));
    expect(fourth).not.toBe(first);
    expect(directory.canonical(1)).toBe(first);
  });

  test('many deployments do not use up the numbers', () => {
    let now = 0;
    const directory = new SeriesDirectory(limits, () => now);
    for (let deployment = 0; deployment < 500; deployment++) {
      now += 1000;
      directory.resolve(key({ version: String(deployment) }));
      directory.release(now - 10_000, new Set());
    }
    expect(directory.size).toBe(3);
    expect(directory.series.length).toBeLessThan(20);
    expect(directory.overflowed).toBe(0);
  });

  test('a number that a stream refers to is not given anew', () => {
    let now = 0;
    const directory = new SeriesDirectory(limits, () => now);
    const ids = ['1', '2', '3', '4'].map((version) => directory.resolve(key({ version })));
    now = 1000;
    expect(directory.release(500, new Set([ids[1]]))).toEqual([]);
    expect(directory.release(500, new Set())).toEqual([ids[1]]);
  });

  test('nor while a block is kept that was written of it after its version had lost its name', () => {
    const [hour, kept] = [3_600_000, 36 * 24 * 3_600_000];
    let now = 0;
    const directory = new SeriesDirectory(limits, () => now);
    const ids = ['1', '2', '3', '4'].map((version) => directory.resolve(key({ version })));
    for (; now < 30 * 24 * hour; now += hour) expect(directory.release(now - kept, new Set([ids[1]]))).toEqual([]);
    const lastUse = now;
    for (; now < lastUse + kept - 24 * hour; now += hour) expect(directory.release(now - kept, new Set())).toEqual([]);
    now = lastUse + kept + hour;
    expect(directory.release(now - kept, new Set())).toEqual([ids[1]]);
  });
});
