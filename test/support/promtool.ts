/** Prometheus' own checker, where it is installed; under REQUIRE_REAL=1 its absence fails the test. */
import { spawnSync } from 'node:child_process';

export const promtoolIsMissing = spawnSync('promtool', ['--version']).error !== undefined;
export const mayBeSkipped = promtoolIsMissing && process.env['REQUIRE_REAL'] !== '1';

/** What `promtool check metrics` says about an exposition: '' when it has nothing to say. */
export function promtoolCheckMetrics(text: string): string {
  const { status, stdout, stderr, error } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  return stdout + stderr + (status === 0 ? '' : `exit ${status}`);
}
