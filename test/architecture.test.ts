/** Who may import whom. An arrow of ARCHITECTURE.md that is missing here is not allowed. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');

/** The aggregator's files beside its folders, without those that know everything: nobody imports those. */
const beside = /^aggregator\/(?!(?:main|cli|vigil|index|composition)\.ts$)[a-z-]+(?:\.d)?\.ts$/;

/** First rule whose `of` fits decides; a file outside all of them is not part of the product. `*` stands for everything. */
const rules: readonly { readonly of: RegExp; readonly may: readonly (RegExp | '*')[] }[] = [
  { of: /^instrumentation\/semconv\/generate\.ts$/, may: [/^instrumentation\/semconv\//, /^node:/] },
  { of: /^instrumentation\/semconv\//, may: [/^instrumentation\/semconv\//] },
  {
    of: /^instrumentation\/hooking\//,
    may: [/^instrumentation\/hooking\//, /^@vigil\/semconv$/, /^node:/, /^@opentelemetry\/api$/],
  },
  ...['mutations', 'task-locks', 'security-blocks'].map((name) => ({
    of: new RegExp(`^instrumentation/${name}/`),
    may: [new RegExp(`^instrumentation/${name}/`), /^@vigil\/(semconv|hooking)$/, /^node:/, /^@opentelemetry\//],
  })),
  {
    of: /^otel-config\//,
    may: [
      /^otel-config\//,
      /^@vigil\/(semconv|hooking|instrumentation-.+)$/,
      /^node:/,
      /^@opentelemetry\//,
      /^import-in-the-middle/,
    ],
  },
  { of: /^aggregator\/domain\//, may: [/^aggregator\/domain\//] },
  { of: /^aggregator\/(main|cli|vigil|index|composition)\.ts$/, may: ['*'] },
  {
    of: /^aggregator\/otlp\//,
    may: [
      /^aggregator\/(otlp|domain)\//,
      /^aggregator\/store\/port\.ts$/,
      /^aggregator\/metrics\.ts$/,
      /^@vigil\/semconv$/,
      /^node:/,
      /^pbf$/,
    ],
  },
  {
    of: /^aggregator\/store\//,
    may: [/^aggregator\/(otlp|store|domain)\//, /^aggregator\/metrics\.ts$/, /^@vigil\/semconv$/, /^node:/],
  },
  {
    of: /^aggregator\/objectives\//,
    may: [/^aggregator\/(objectives|domain)\//, /^@vigil\/semconv$/, /^node:/, /^(zod|yaml)$/],
  },
  {
    of: /^aggregator\/prometheus-rules\//,
    may: [/^aggregator\/(prometheus-rules|domain)\//, /^@vigil\/semconv$/, /^node:/, /^yaml$/],
  },
  {
    of: /^aggregator\/reports\//,
    may: [
      /^aggregator\/(reports|domain)\//,
      /^aggregator\/store\/port\.ts$/,
      /^aggregator\/metrics\.ts$/,
      /^@vigil\/semconv$/,
      /^zod$/,
    ],
  },
  {
    of: /^aggregator\/alerts\//,
    may: [
      /^aggregator\/(alerts|domain)\//,
      /^aggregator\/reports\/active-alerts\.ts$/,
      /^aggregator\/(log|metrics)\.ts$/,
      /^node:/,
      /^zod$/,
    ],
  },
  {
    of: /^aggregator\/self\//,
    may: [
      /^aggregator\/self\//,
      /^aggregator\/(environment|log|metrics)\.ts$/,
      /^@vigil\/otel-config$/,
      /^@opentelemetry\/(api|resources|sdk-metrics)$/,
    ],
  },
  {
    of: /^aggregator\/page\//,
    may: [
      /^aggregator\/(page|reports|domain)\//,
      /^aggregator\/store\/port\.ts$/,
      /^@vigil\/semconv$/,
      /^node:/,
      /^hono\/html$/,
    ],
  },
  {
    of: /^aggregator\/http\//,
    may: [
      /^aggregator\/(http|page|reports|domain)\//,
      /^aggregator\/store\/port\.ts$/,
      /^aggregator\/otlp\/(receiver|response)\.ts$/,
      beside,
      /^@vigil\/semconv$/,
      /^node:/,
      /^(hono|zod|pbf|@hono\/node-server)(\/|$)/,
    ],
  },
  {
    of: /^grafana\//,
    may: [
      /^grafana\//,
      /^aggregator\/domain\//,
      /^@vigil\/semconv$/,
      /^node:/,
      /^@grafana\/grafana-foundation-sdk\/(?!dashboardv2)/,
    ],
  },
  { of: beside, may: [beside, /^aggregator\/domain\//, /^@vigil\/semconv$/, /^node:/, /^(zod|pino)$/] },
];

/** What a file imports: paths from the root where they are relative, else as they stand. */
function importsOf(file: string, text: string): string[] {
  const specifiers = [
    ...text.matchAll(
      /^\s*(?:import|export)\b[^'"]*?from\s*['"]([^'"]+)['"]|\b(?:import|require)\(\s*['"`]([^'"`]+)['"`]|^\s*import\s+['"]([^'"]+)['"]/gm,
    ),
  ];
  return specifiers.map(([, from, dynamic, bare]) => {
    const specifier = from ?? dynamic ?? bare;
    return specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier;
  });
}

function offences(file: string, text: string): string[] {
  const rule = rules.find(({ of }) => of.test(file));
  const found: string[] = [];
  if (rule === undefined) found.push('no rule says what this file may import');
  for (const imported of importsOf(file, text))
    if (rule !== undefined && !rule.may.some((allowed) => allowed === '*' || allowed.test(imported)))
      found.push(`imports ${imported}`);
  if (/^export default\b|\bas default\b/m.test(text)) found.push('has a default export');
  return found;
}

const files = globSync('{instrumentation,otel-config,aggregator,grafana}/**/*.{ts,tsx}', {
  cwd: root,
  exclude: (name) => /node_modules|dist/.test(name),
});

test('every file of the product imports only what its place may', () => {
  expect(files.length).toBeGreaterThan(80);
  const all = files.flatMap((file) =>
    offences(file, readFileSync(join(root, file), 'utf8')).map((offence) => `${file} ${offence}`),
  );
  expect(all).toEqual([]);
});

test('the doctor starts without the SDK, which the processes that it asks load', () => {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const walk = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(join(root, file), 'utf8');
    for (const imported of importsOf(file, text.replaceAll(/^(?:import|export) type .*$/gm, '')))
      if (imported.endsWith('.ts')) walk(imported);
      else if (!imported.startsWith('node:')) packages.add(imported);
  };
  walk('otel-config/doctor/main.ts');
  expect(seen).toContain('otel-config/doctor/probe-findings.ts');
  expect([...packages].sort()).toEqual(['@opentelemetry/core', '@vigil/semconv']);
});

describe('the judge sees', () => {
  const cases: readonly [file: string, text: string, offence: RegExp][] = [
    ['aggregator/domain/slo.ts', "import { z } from 'zod';", /imports zod/],
    ['aggregator/domain/slo.ts', "import { metrics } from '@vigil/semconv';", /imports @vigil\/semconv/],
    [
      'aggregator/http/routes.ts',
      "import type { X } from '../store/embedded/open.ts';",
      /imports aggregator\/store\/embedded/,
    ],
    [
      'aggregator/reports/mutations.ts',
      "import { open } from '../store/embedded/open.ts';",
      /imports aggregator\/store/,
    ],
    ['aggregator/otlp/ingest.ts', "import { x } from '@vigil/otel-config';", /imports @vigil\/otel-config/],
    ['aggregator/http/app.ts', "const x = await import('@vigil/instrumentation-mutations');", /imports @vigil\/instr/],
    [
      'instrumentation/mutations/field.ts',
      "import { x } from '@vigil/instrumentation-task-locks';",
      /imports @vigil\/instr/,
    ],
    [
      'instrumentation/mutations/field.ts',
      "import {\n  x,\n} from '../task-locks/index.ts';",
      /imports instrumentation\/task-locks/,
    ],
    ['instrumentation/semconv/index.ts', "export * from 'node:fs';", /imports node:fs/],
    ['otel-config/sdk.ts', "import { startAggregator } from '../aggregator/main.ts';", /imports aggregator/],
    ['aggregator/http/app.ts', "import { x } from '../main.ts';", /imports aggregator\/main/],
    ['aggregator/config.ts', "import { x } from './cli.ts';", /imports aggregator\/cli/],
    [
      'aggregator/otlp/wire.ts',
      "import { x } from '../store/embedded/open.ts';",
      /imports aggregator\/store\/embedded/,
    ],
    ['aggregator/domain/slo.ts', 'import { z } from "zod";', /imports zod/],
    ['aggregator/domain/slo.ts', "const fs = require('node:fs');", /imports node:fs/],
    ['aggregator/domain/slo.ts', 'const z = await import(`zod`);', /imports zod/],
    ['aggregator/domain/slo.ts', 'const a = 1;\nexport { a as default };', /default export/],
    ['aggregator/newroom/x.ts', '', /no rule/],
    ['otel-config/sdk.ts', 'export default 1;', /default export/],
  ];
  test.each(cases)('%s: %s', (file, text, offence) => {
    expect(offences(file, text).join('; ')).toMatch(offence);
  });
});

test('the product stands alone', () => {
  const texts = globSync(
    '{*.md,.ci/*,{instrumentation,otel-config,aggregator,grafana}/**/*.{ts,tsx,md,json,yaml,yml}}',
    {
      cwd: root,
      exclude: (name) => /node_modules|dist/.test(name),
    },
  );
  const leaning = texts.filter((file) => readFileSync(join(root, file), 'utf8').includes('../shared'));
  expect(leaning).toEqual([]);
});
