import { expect, test } from 'vitest';
import { PointBatch } from '../../../aggregator/otlp/batch.ts';
import { MetricsDecoder } from '../../../aggregator/otlp/metrics-protobuf.ts';
import { MapIdentities } from '../../support/identities.ts';
import { bytesOf, counter, text } from '../../support/otlp-requests.ts';

test('what was remembered is forgotten with the generation of the identities', () => {
  const identities = new MapIdentities();
  const decoder = new MetricsDecoder(identities);
  const batch = new PointBatch();
  decoder.decode(bytesOf(counter()), batch);
  const asked: string[] = [];
  for (const name of ['instance', 'entry', 'stream'] as const) {
    const ask = identities[name].bind(identities) as (...of: unknown[]) => number;
    Object.assign(identities, {
      [name]: (...of: unknown[]) => {
        asked.push(name);
        return ask(...of);
      },
    });
  }
  batch.reset();
  decoder.decode(bytesOf(counter()), batch);
  expect(asked).toEqual([]);
  identities.generation++;
  batch.reset();
  decoder.decode(bytesOf(counter()), batch);
  expect(asked).toEqual(['instance', 'entry', 'stream']);
});

test('instances of a service share their entries', () => {
  const identities = new MapIdentities();
  const decoder = new MetricsDecoder(identities);
  const entries: number[] = [];
  const give = identities.entry.bind(identities);
  identities.entry = (...of) => {
    entries.push(give(...of));
    return entries[entries.length - 1];
  };
  const batch = new PointBatch();
  for (const id of ['a', 'b', 'c'])
    decoder.decode(bytesOf(counter({ resource: [text('service.instance.id', id)] })), batch);
  expect(entries).toHaveLength(1);
  expect(new Set(identities.describe(batch).map(({ stream }) => stream)).size).toBe(3);
});
