/** Part of `npm run generate`: the Prometheus rules of the built-in objectives. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { builtInObjectives } from '../domain/built-in-objectives.ts';
import { rulesFile } from './rules.ts';

if (import.meta.main)
  writeFileSync(resolve(import.meta.dirname, '../../otel-config/prometheus/rules.yaml'), rulesFile(builtInObjectives));
