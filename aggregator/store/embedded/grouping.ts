import { metrics } from '@vigil/semconv';
import { EXPLICIT } from '../../otlp/batch.ts';
import type { Question } from '../port.ts';
import type { Grouping } from './accumulate.ts';
import { LEFT_ALONE } from './add-rows.ts';
import type { SeriesDirectory, SeriesKey } from './series.ts';

/** Groupings that are kept: an answer asks for the same few at every moment. */
const MAX_KEPT = 64;

/** Sorts series into groups, and remembers how until the directory changes. */
export function createSeriesGrouper(directory: SeriesDirectory): (question: Omit<Question, 'range'>) => Grouping {
  const kept = new Map<string, Grouping>();
  let revision = -1;
  let made = 0;
  return ({ metric, by, service, where }) => {
    if (revision !== directory.revision || kept.size >= MAX_KEPT) kept.clear();
    revision = directory.revision;
    const text = JSON.stringify([metric, by, service, where]);
    const grouping = kept.get(text) ?? { ...groupSeries(directory, { metric, by, service, where }), number: made++ };
    kept.set(text, grouping);
    return grouping;
  };
}

/** Sorts the series of a question's metric into the groups that it asks for. */
function groupSeries(directory: SeriesDirectory, question: Omit<Question, 'range'>): Omit<Grouping, 'number'> {
  const { metric, by = [], service, where = {} } = question;
  const valueAt = (key: SeriesKey, attribute: string): string => {
    if (attribute === 'service.name') return key.service;
    if (attribute === 'service.version') return key.version;
    const at = (metrics[metric].attributes as readonly string[]).indexOf(attribute);
    return at < 0 ? '' : key.values[at];
  };
  const filters = Object.entries(where);
  const groupOf = new Int32Array(directory.series.length).fill(-1);
  const boundsOf = new Int32Array(directory.series.length).fill(-1);
  const onGrid = new Int32Array(directory.series.length).fill(-1);
  const keys: string[][] = [];
  const groups = new Map<string, number>();
  directory.series.forEach((key, id) => {
    if (key?.metric !== metric || (service !== undefined && key.service !== service)) return;
    if (!filters.every(([attribute, values]) => values.includes(valueAt(key, attribute)))) return;
    const group = by.map((attribute) => valueAt(key, attribute));
    const text = JSON.stringify(group);
    let at = groups.get(text);
    if (at === undefined) {
      at = keys.length;
      keys.push(group);
      groups.set(text, at);
    }
    groupOf[id] = at;
    onGrid[id] = key.kind === EXPLICIT ? LEFT_ALONE : at;
    if (key.kind === EXPLICIT) boundsOf[id] = key.bounds;
  });
  return { groupOf, onGrid, boundsOf, keys };
}
