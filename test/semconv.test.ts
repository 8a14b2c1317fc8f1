import { readFileSync } from 'node:fs';
import * as semconv from '@vigil/semconv';
import { attributes, type MetricDefinition, metrics, type SpanDefinition, spans } from '@vigil/semconv';
import { describe, expect, test } from 'vitest';
import { namesSource, withTables } from '../instrumentation/semconv/generate.ts';

const allMetrics = Object.entries<MetricDefinition>(metrics);
const allSpans = Object.values<SpanDefinition>(spans);

function committed(file: string): string {
  return readFileSync(new URL(`../instrumentation/semconv/${file}`, import.meta.url), 'utf8');
}

describe('the registry', () => {
  test('defines every attribute that a metric or a span names, and no other', () => {
    const used = [...allMetrics.map(([, metric]) => metric), ...allSpans].flatMap(
      (definition) => definition.attributes,
    );
    expect(new Set(used)).toEqual(new Set(Object.keys(attributes)));
  });

  test.each(allMetrics)(
    '%s: a name under vigil., each attribute once, a unit that its kind can have',
    (name, metric) => {
      expect(name).toMatch(/^vigil(\.[a-z][a-z_]*)+$/);
      expect(new Set(metric.attributes).size).toBe(metric.attributes.length);
      expect(metric.unit).toMatch(metric.kind === 'counter' ? /^\{[a-z]+\}$/ : /^(s|\{[a-z]+\})$/);
    },
  );

  test.each(Object.entries(attributes))('%s: values once each, in lower case', (key, { values = [] }) => {
    expect(key).toMatch(/^[a-z]+(\.[a-z][a-z_]*)+$/);
    expect(new Set(values).size).toBe(values.length);
    for (const value of values) expect(value).toMatch(/^[a-z][a-z_]*$/);
  });

  test.each(allSpans)('$name: what varies in its name is one of its attributes', ({ name, attributes: keys }) => {
    const [, variable] = /\{(.+)\}$/.exec(name) ?? [];
    expect(keys).toContain(variable);
  });
});

describe('what is generated', () => {
  test('README.md has the tables of the registry: run npm run generate', () => {
    expect(withTables(committed('README.md'))).toBe(committed('README.md'));
    for (const name of [...Object.keys(metrics), ...Object.keys(attributes)])
      expect(committed('README.md')).toContain(`| \`${name}\` |`);
  });

  test('names.ts has the names of the registry: run npm run generate', () => {
    expect(namesSource()).toBe(committed('names.ts'));
    const constants = Object.entries(semconv).filter(([name]) => /^(METRIC|ATTR)_/.test(name));
    const names = [...Object.keys(metrics), ...Object.keys(attributes)];
    expect(constants.map(([, value]) => value).toSorted()).toEqual(names.toSorted());
  });

  test('markers that are missing are an error', () => {
    expect(() => withTables('# no markers')).toThrow('markers');
  });
});
