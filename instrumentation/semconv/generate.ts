/**
 * `npm run generate`: writes what follows from the registry. The tables of README.md, between their markers, and names.ts.
 * A test holds that the committed files are what this writes.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AttributeDefinition,
  attributes,
  type MetricDefinition,
  metrics,
  type SpanDefinition,
  spans,
} from './registry.ts';

/** Every table of the README by the name in its markers. */
const tables: Readonly<Record<string, () => string>> = {
  metrics: () =>
    table(
      ['metric', 'kind', 'unit', 'meaning', 'attributes'],
      Object.entries<MetricDefinition>(metrics).map(([name, metric]) => [
        code(name),
        metric.kind,
        code(metric.unit),
        metric.description,
        metric.attributes.map(code).join(', '),
      ]),
    ),
  attributes: () =>
    table(
      ['attribute', 'values', 'meaning'],
      Object.entries<AttributeDefinition>(attributes).map(([key, attribute]) => [
        code(key),
        valuesOf(attribute),
        attribute.description,
      ]),
    ),
  spans: () =>
    table(
      ['span', 'kind', 'meaning', 'attributes'],
      Object.values<SpanDefinition>(spans).map((span) => [
        code(span.name),
        span.kind,
        span.description,
        span.attributes.map(code).join(', '),
      ]),
    ),
};

/**
 * A text with every table written anew between `<!-- begin NAME -->` and `<!-- end NAME -->`.
 * @throws Error when the markers of a table are missing
 */
export function withTables(text: string): string {
  return Object.entries(tables).reduce((before, [name, make]) => {
    const between = new RegExp(`(<!-- begin ${name} -->\n)[^]*?(<!-- end ${name} -->)`);
    if (!between.test(before)) throw new Error(`the markers of the table of ${name} are missing`);
    return before.replace(between, (_, begin: string, end: string) => `${begin}\n${make()}\n${end}`);
  }, text);
}

/** The source of names.ts: a constant a name, as OpenTelemetry's own conventions have them. */
export function namesSource(): string {
  const constants = [
    ...Object.keys(metrics).map((name) => constant('METRIC', name)),
    ...Object.keys(attributes).map((key) => constant('ATTR', key)),
  ];
  return ['/** Names as constants. Generated from the registry by `npm run generate`. */', ...constants, ''].join('\n');
}

function constant(prefix: string, name: string): string {
  return `export const ${prefix}_${name.replaceAll('.', '_').toUpperCase()} = '${name}';`;
}

function valuesOf({ values, extensible }: AttributeDefinition): string {
  if (values === undefined) return 'any';
  return [...values.map(code), ...(extensible ? ['…'] : [])].join(', ');
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`).join('');
}

if (import.meta.main) {
  const readme = join(import.meta.dirname, 'README.md');
  writeFileSync(readme, withTables(readFileSync(readme, 'utf8')));
  writeFileSync(join(import.meta.dirname, 'names.ts'), namesSource());
}
