import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtInObjectives } from '../../../aggregator/domain/built-in-objectives.ts';
import { openPolicy } from '../../../aggregator/objectives/policy.ts';
import { builtInPolicy, PolicyFileError } from '../../../aggregator/objectives/policy-source.ts';
import { readMaintenance } from '../../../aggregator/objectives/read-maintenance.ts';
import { writeOpenSlo } from '../../../aggregator/objectives/write-openslo.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';

const ids = builtInObjectives.map(({ id }) => id);
const never = (problem: string): never => {
  throw new Error(problem);
};

function place(name: string, text: string): string {
  const file = join(temporaryDirectory(), name);
  writeFileSync(file, text);
  return file;
}

describe('objectives', () => {
  test('without files there are the built-in ones, without maintenance and warnings', () => {
    const { current, warnings } = openPolicy({}, never);
    expect(current()).toEqual({ objectives: builtInObjectives, maintenance: [] });
    expect(warnings).toEqual([]);
    // What a service has that does not even load the reader of files.
    expect({ ...builtInPolicy, current: builtInPolicy.current() }).toEqual({ current: current(), warnings });
  });

  test('one of the same name replaces, another is added', () => {
    const [first, second] = builtInObjectives;
    const own = [
      { ...second, id: 'checkout', objective: 0.9 },
      { ...first, objective: 0.9 },
    ];
    const { current, warnings } = openPolicy({ sloFile: place('slo.yaml', writeOpenSlo(own)) }, never);
    expect(current().objectives.map(({ id, objective }) => [id, objective])).toEqual([
      ['mutation-latency-p95', 0.9],
      ...builtInObjectives.slice(1).map(({ id, objective }) => [id, objective]),
      ['checkout', 0.9],
    ]);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/could never fire/);
  });

  test('a file that cannot be used says where', () => {
    const file = place('slo.yaml', 'kind: SLO\n');
    expect(() => openPolicy({ sloFile: file }, never)).toThrow(PolicyFileError);
    expect(() => openPolicy({ sloFile: file }, never)).toThrow(`${file}:1: `);
    expect(() => openPolicy({ sloFile: '/nowhere/slo.yaml' }, never)).toThrow('/nowhere/slo.yaml cannot be read');
  });
});

describe('maintenance', () => {
  const period = (from: string, to: string, more = '') =>
    `- from: ${from}\n  to: ${to}\n  reason: moving the database\n${more}`;
  const night = period('2026-01-31T22:00:00Z', '2026-02-01T03:00:00+01:00');

  test('periods are read with their zone, quoted or not', () => {
    const text = `${night}${period('"2026-02-02T00:00:00Z"', '2026-02-02T01:00:00Z', '  objectives: [mutation-success]\n')}`;
    expect(readMaintenance(text, ids)).toEqual({
      ok: true,
      periods: [
        { fromMs: Date.UTC(2026, 0, 31, 22), toMs: Date.UTC(2026, 1, 1, 2), reason: 'moving the database' },
        {
          fromMs: Date.UTC(2026, 1, 2),
          toMs: Date.UTC(2026, 1, 2, 1),
          reason: 'moving the database',
          objectives: ['mutation-success'],
        },
      ],
    });
    expect(readMaintenance('# none planned\n', ids)).toEqual({ ok: true, periods: [] });
  });

  test.each<[string, string, RegExp]>([
    [
      'no zone',
      period('2026-01-31T22:00:00', '2026-02-01T02:00:00Z'),
      /^1: \[0\]\.from: must be an ISO 8601 time with its zone/,
    ],
    ['backwards', period('2026-02-01T02:00:00Z', '2026-01-31T22:00:00Z'), /^2: \[0\]\.to: must be after from/],
    ['too long', period('2026-01-01T00:00:00Z', '2026-03-01T00:00:00Z'), /^2: \[0\]\.to: must be at most 31 days/],
    ['no reason', night.replace('reason', 'why'), /^3: \[0\]\.why is not known/m],
    [
      'an objective that is not there',
      `${night}  objectives: [nothing]\n`,
      /^4: .*there is no objective nothing; there are mutation-/,
    ],
    ['no list', 'from: 1\n', /^1: the document: /],
    ['two documents', `${night}---\n${night}`, /^\d: the file must hold one document/],
  ])('%s', (_, text, expected) => {
    const result = readMaintenance(text, ids);
    expect(result.ok ? '' : result.problems.map(({ line, message }) => `${line}: ${message}`).join('\n')).toMatch(
      expected,
    );
  });

  test('a file that changes is read again; one that went wrong leaves what was there, and says so', () => {
    const maintenanceFile = place('maintenance.yaml', night);
    const problems: string[] = [];
    let nowMs = 0;
    const { current } = openPolicy(
      { maintenanceFile },
      (problem) => problems.push(problem),
      () => nowMs,
    );
    const periods = () => {
      nowMs += 10_000;
      return current().maintenance.length;
    };
    expect(periods()).toBe(1);
    writeFileSync(maintenanceFile, night + night.replaceAll('2026', '2027'));
    expect(current().maintenance).toHaveLength(1);
    expect(periods()).toBe(2);
    writeFileSync(maintenanceFile, '- from: soon\n');
    expect([periods(), periods()]).toEqual([2, 2]);
    expect(problems).toEqual([expect.stringContaining(`${maintenanceFile}:1: [0].from: must be an ISO 8601`)]);
    rmSync(maintenanceFile);
    expect(periods()).toBe(2);
    expect(problems[1]).toContain('cannot be read');
    writeFileSync(maintenanceFile, '');
    expect(periods()).toBe(0);
    expect(problems).toHaveLength(2);
  });
});
