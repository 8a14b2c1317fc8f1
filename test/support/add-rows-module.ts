/** Part of `npm run generate`: translates add-rows.wat, which a test holds against what is kept of it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import createWabt from 'wabt';

const FOLDER = resolve(import.meta.dirname, '../../aggregator/store/embedded');
const SOURCE = join(FOLDER, 'add-rows.wat');
const TARGET = join(FOLDER, 'add-rows-module.ts');

/** The source of `add-rows-module.ts`. @throws when the text has a mistake */
export async function moduleSource(): Promise<string> {
  const wabt = await createWabt();
  const module = wabt.parseWat('add-rows.wat', readFileSync(SOURCE, 'utf8'), { simd: true });
  try {
    module.validate();
    const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
    return `/** Generated from add-rows.wat by \`npm run generate\`. */\nexport const ADD_ROWS =\n  '${base64}';\n`;
  } finally {
    module.destroy();
  }
}

if (import.meta.main) writeFileSync(TARGET, await moduleSource());
