/** The files that a page loads: read once a process and compressed when first asked for, under addresses that change with what they hold. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Assets } from './layout.ts';

export interface AssetFile {
  readonly path: string;
  readonly type: string;
  readonly content: Buffer<ArrayBuffer>;
  gzipped(): Buffer<ArrayBuffer>;
}

export interface LoadedAssets {
  readonly addresses: Assets;
  readonly files: readonly AssetFile[];
}

/** @param base the path below which they stand, without its closing slash */
export function loadAssets(base: string): LoadedAssets {
  const chart = dirname(createRequire(import.meta.url).resolve('uplot/package.json'));
  const css = load(base, 'page.css', 'text/css; charset=utf-8', join(import.meta.dirname, 'page.css'));
  const script = load(base, 'page.js', 'text/javascript; charset=utf-8', join(import.meta.dirname, 'page.js'));
  const chartCss = load(base, 'chart.css', 'text/css; charset=utf-8', join(chart, 'dist/uPlot.min.css'));
  const chartScript = load(base, 'chart.js', 'text/javascript; charset=utf-8', join(chart, 'dist/uPlot.iife.min.js'));
  return {
    addresses: { css: css.path, script: script.path, chartCss: chartCss.path, chartScript: chartScript.path },
    files: [css, script, chartCss, chartScript],
  };
}

type Content = Omit<AssetFile, 'path' | 'type'> & { readonly digest: string };

/** By path on the disk. */
const contents = new Map<string, Content>();

function load(base: string, name: string, type: string, file: string): AssetFile {
  const known = contents.get(file) ?? read(file);
  contents.set(file, known);
  const { digest, ...bytes } = known;
  return { path: `${base}/assets/${digest}/${name}`, type, ...bytes };
}

function read(file: string): Content {
  const content = readFileSync(file) as Buffer<ArrayBuffer>;
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 12);
  let gzipped: Buffer<ArrayBuffer> | undefined;
  return { digest, content, gzipped: () => (gzipped ??= gzipSync(content, { level: 9 }) as Buffer<ArrayBuffer>) };
}
