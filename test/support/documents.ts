/** The code blocks of the documents that users read. */
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');

export interface Block {
  /** The document and the block's first line, by which tests name it. */
  readonly key: string;
  readonly file: string;
  readonly language: string;
  readonly text: string;
}

const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', '{aggregator,grafana,otel-config,instrumentation/*}/**/*.md'];

/** In the order of the documents. */
export function readBlocks(): readonly Block[] {
  const files = globSync(DOCUMENTS, { cwd: ROOT, exclude: (name) => /node_modules|dist/.test(name) }).sort();
  return files.flatMap((file) => {
    const blocks = readFileSync(join(ROOT, file), 'utf8').matchAll(/^```(\w*)\n(.*?)^```/gms);
    return [...blocks].map(([, language, text]) => {
      const first = text.split('\n', 1)[0];
      return { key: `${file}: ${first}`, file, language, text };
    });
  });
}
