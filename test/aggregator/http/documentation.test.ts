import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readConfiguration, variables } from '../../../aggregator/config.ts';
import { endpoints } from '../../../aggregator/http/endpoints.ts';
import { errorTable } from '../../../aggregator/http/errors.ts';

const text = readFileSync(new URL('../../../aggregator/README.md', import.meta.url), 'utf8');

/** Rows of the table under a heading, cells without their backquotes. */
function tableUnder(heading: string): string[][] {
  const section = text.slice(text.indexOf(`${heading}\n`)).split(/\n#+ /, 2)[0];
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(2).map((row) =>
    row
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.replaceAll('`', '')),
  );
}

describe('what is documented is what is there', () => {
  test('errors', () => {
    const documented = tableUnder('### Errors').map(([status, code]) => [code, Number(status)]);
    expect(documented).toEqual(Object.entries(errorTable).map(([code, { status }]) => [code, status]));
  });

  test('variables and their defaults', () => {
    const result = readConfiguration({});
    if (!result.ok) throw new Error('an empty environment is a good one');
    const { configuration } = result;
    const inWords = (value: unknown) =>
      value === undefined || (Array.isArray(value) && value.length === 0) ? '–' : String(value);
    const documented = tableUnder('## Configuration').map(([name, value]) => [name, value]);
    expect(documented).toEqual(
      Object.entries(variables).map(([field, { name }]) => [
        name,
        field === 'apiKeys' ? 'made at the first start' : inWords(configuration[field as keyof typeof configuration]),
      ]),
    );
  });

  test('endpoints, their windows and what they answer', () => {
    expect(tableUnder('## Reading')).toEqual(
      endpoints.map(({ path, window, summary }) => [
        path,
        window === undefined ? '–' : `${window.unit}, ${window.defaultLength}`,
        summary,
      ]),
    );
  });
});
