/** `npm run demo -- --history`, as it is typed: how soon it is there, and whether its three incidents speak. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../support/aggregator.ts';
import { endWithUs } from '../support/end-with-us.ts';
import { ROOT } from './packing.ts';

/** On two cores that do nothing else it is a third of this. */
const READY_WITHIN_MS = 60_000;

const port = await freePort();
const args = ['test/demo/main.ts', '--history', '--port', String(port), '--seconds', '120'];
const began = performance.now();
const demo = endWithUs(spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] }));
let printed = '';
demo.stdout.on('data', (chunk: Buffer) => {
  printed += chunk;
});

interface Answers {
  readonly recommendations: readonly { readonly id: string }[];
  readonly objectives: readonly { readonly id: string; readonly budget_remaining: number; readonly coverage: number }[];
  readonly threat_patterns: unknown;
  readonly overall_threat_score: number;
}

async function ask(path: string): Promise<Answers> {
  const key = /^ {2}key {6}(\S+)$/m.exec(printed)?.[1] ?? '';
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'X-Monitoring-API-Key': key } });
  assert.equal(answer.status, 200, path);
  return (await answer.json()) as Answers;
}

const checks: Readonly<Record<string, () => Promise<void>>> = {
  async 'it is there soon, and says what to look at'() {
    while (!printed.includes('Ctrl-C')) {
      assert.equal(demo.exitCode, null, printed);
      assert.ok(performance.now() - began < READY_WITHIN_MS, printed);
      await new Promise((done) => setTimeout(done, 50));
    }
    console.log(`        after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    assert.match(printed, /Three incidents/);
  },
  async 'objectives have thirty days behind them, and the duplicates have cost most of a budget'() {
    const { objectives } = await ask('/monitoring/slo/');
    for (const { id, coverage } of objectives) assert.ok(coverage > 0.99, `${id} ${coverage}`);
    const duplicates = objectives.find(({ id }) => id === 'task-duplicates');
    assert.ok(duplicates !== undefined && duplicates.budget_remaining < 0.5, JSON.stringify(duplicates));
  },
  async 'the new version and the injections are what it recommends to look at'() {
    const { recommendations } = await ask('/monitoring/recommendations/');
    const ids = recommendations.map(({ id }) => id);
    for (const id of ['version-p95-demo-CreateJob', 'sqli-attempts']) assert.ok(ids.includes(id), `${id}: ${ids}`);
    assert.ok((await ask('/monitoring/security/')).overall_threat_score > 40);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n${error instanceof Error ? error.stack : error}`);
  }
}
const ended = once(demo, 'exit');
demo.kill('SIGINT');
await ended;
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
