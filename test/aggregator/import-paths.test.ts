import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../support/aggregator.ts';

const helper = new URL('../../aggregator/import-paths.js', import.meta.url).href;

test('joined paths lead to the modules that Node finds, each once, until that is ended', () => {
  const folder = join(temporaryDirectory(), 'a folder, 100% übel #1');
  mkdirSync(join(folder, 'inner'), { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write('package.json', '{"type":"module"}');
  write('shared.ts', 'export const shared: object = {};\n');
  write('script.js', 'export const isModule = import.meta.url !== undefined;\n');
  write('old.cjs', 'module.exports = { old: true };\n');
  write(
    'inner/main.ts',
    "export { shared } from '../shared.ts';\nexport { isModule } from '../script.js';\nexport { old } from '../old.cjs';\n",
  );
  write('missing.ts', "export {} from './nowhere.ts';\n");
  write('missing-too.ts', "export {} from './nowhere-too.ts';\n");
  const script = `
    import { joinImportPaths } from ${JSON.stringify(helper)};
    const at = (name) => new URL(name, ${JSON.stringify(pathToFileURL(`${folder}/`).href)}).href;
    const codeOf = (name) => import(at(name)).then(() => 'none', ({ code }) => code);
    const before = await import(at('shared.ts'));
    const end = joinImportPaths();
    const main = await import(at('inner/main.ts'));
    const joined = await codeOf('missing.ts');
    end();
    const lookedUp = await codeOf('missing-too.ts');
    console.log(JSON.stringify([before.shared === main.shared, main.isModule, main.old, joined, lookedUp]));
  `;
  const said = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
  expect(JSON.parse(said)).toEqual([true, true, true, 'ENOENT', 'ERR_MODULE_NOT_FOUND']);
});
