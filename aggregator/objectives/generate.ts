/** Part of `npm run generate`: writes the service's copy of the built-in objectives from their OpenSLO file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { readOpenSlo } from './read-openslo.ts';

const OPENSLO_FILE = resolve(import.meta.dirname, '../../otel-config/openslo/objectives.yaml');
const TARGET = resolve(import.meta.dirname, '../domain/built-in-objectives.ts');

/** The source of `domain/built-in-objectives.ts`. @throws when the file has a mistake */
export function builtInSource(): string {
  const result = readOpenSlo(readFileSync(OPENSLO_FILE, 'utf8'));
  if (!result.ok) throw new Error(result.problems.map(({ line, message }) => `line ${line}: ${message}`).join('\n'));
  return [
    "import type { Objective } from './objective.ts';",
    '',
    '/** The built-in objectives. Generated from otel-config/openslo/objectives.yaml by `npm run generate`. */',
    `export const builtInObjectives = ${literal(result.objectives, '')} as const satisfies readonly Objective[];`,
    '',
  ].join('\n');
}

/** A value as the formatter writes it: what fits into a line stands in one, unless it is one of the objectives. */
function literal(value: unknown, indent: string): string {
  if (typeof value === 'string') return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const inner = `${indent}  `;
  const parts = Object.entries(value).map(([key, part]) => {
    const name = Array.isArray(value) ? '' : `${/^[a-zA-Z]+$/.test(key) ? key : `'${key}'`}: `;
    return name + literal(part, inner);
  });
  if (Array.isArray(value) && value.every((part) => typeof part !== 'object')) return `[${parts.join(', ')}]`;
  if (parts.length === 0) return `${open}${close}`;
  return `${open}\n${parts.map((part) => `${inner}${part},\n`).join('')}${indent}${close}`;
}

if (import.meta.main) writeFileSync(TARGET, builtInSource());
