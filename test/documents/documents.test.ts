/** Every code block of the documents is run, or is named with the reason why not. */
import { execFile, spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KEY, type RunningAggregator, startAggregator } from '../support/aggregator.ts';
import { type Block, ROOT, readBlocks } from '../support/documents.ts';
import { environmentOfRun } from '../support/environment.ts';
import { mayBeSkipped } from '../support/promtool.ts';
import {
  asking,
  checks,
  elsewhere,
  programs,
  saidByTheDoctor,
  scrapeConfigurations,
  typed,
  untyped,
} from './blocks.ts';

const blocks = new Map(readBlocks().map((block) => [block.key, block]));
const blockOf = (key: string): Block => blocks.get(key) ?? expect.fail(`no document has the block "${key}"`);

/** Below the root, where the packages are found. */
let folder: string;
let aggregator: RunningAggregator;
beforeAll(async () => {
  folder = mkdtempSync(join(ROOT, 'test/documents/.run-'));
  for (const [index, key] of Object.keys(programs).entries()) {
    const of = join(folder, String(index));
    mkdirSync(of);
    writeFileSync(fileOf(key), `${programs[key]}\n${blockOf(key).text}\n${checks[key] ?? ''}\nexport {};\n`);
  }
  aggregator = await startAggregator();
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await aggregator.stop();
});

function fileOf(key: string): string {
  return join(folder, String(Object.keys(programs).indexOf(key)), untyped.has(key) ? 'block.mjs' : 'block.ts');
}

test('every block is tried somewhere, and nothing is named that is gone', () => {
  const named = [
    ...Object.keys(programs),
    ...saidByTheDoctor,
    ...scrapeConfigurations,
    ...typed,
    ...Object.keys(elsewhere),
  ];
  expect([...blocks.keys()].sort()).toEqual(named.sort());
});

test.concurrent.each(Object.keys(programs))('%s', async (key) => {
  const file = fileOf(key);
  if (asking.has(key)) {
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('http://127.0.0.1:8000');
    writeFileSync(file, text.replace('http://127.0.0.1:8000', aggregator.url));
  }
  // No aggregator of whoever runs this is found, and nothing is sent.
  const env = { ...environmentOfRun(), XDG_STATE_HOME: folder, KEY, OTEL_SDK_DISABLED: 'true' };
  const { stderr } = await promisify(execFile)(process.execPath, [file], { cwd: join(file, '..'), env });
  expect(stderr).toBe('');
});

test('programs compile', () => {
  const settings = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
    include: [`${folder}/*/block.ts`],
    exclude: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [compiler, '--project', folder], { encoding: 'utf8' });
  expect(stdout).toBe('');
});

test.each([...saidByTheDoctor])('the doctor has the words of "%s"', (key) => {
  const sources = globSync('otel-config/doctor/*.ts', { cwd: ROOT }).map((file) =>
    readFileSync(join(ROOT, file), 'utf8'),
  );
  const source = sources.join('\n').replaceAll(/['`]\s*\+\s*['`]/g, '');
  for (const line of blockOf(key).text.trimEnd().split('\n')) {
    const [, id, message] = /^(?:error|warning|info) +([a-z_.]+): (.+)$/.exec(line) ?? expect.fail(line);
    expect(source).toContain(`'${id}'`);
    // What stands between the values that it fills in.
    const fixed = message.split(/\S*\d\S*|\(\S+?\)|\b[A-Z]{4,}_\S+|server returned.*/).map((part) => part.trim());
    for (const words of fixed.filter((part) => part.split(' ').length > 3)) expect(source).toContain(words);
  }
});

test.skipIf(mayBeSkipped).each([...scrapeConfigurations])('%s is a configuration of Prometheus', (key) => {
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, blockOf(key).text);
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', '--syntax-only', file], {
    encoding: 'utf8',
  });
  expect([status, stderr], stdout).toEqual([0, '']);
});
