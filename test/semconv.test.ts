import { attributes, metrics, spans } from '@vigil/semconv';
import { expect, test } from 'vitest';

test('every attribute that a metric or a span names is defined', () => {
  for (const [name, { attributes: keys }] of [...Object.entries(metrics), ...Object.entries(spans)])
    for (const key of keys) expect(attributes, `${name} names ${key}`).toHaveProperty([key]);
});
