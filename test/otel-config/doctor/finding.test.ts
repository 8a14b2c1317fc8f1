import { expect, test } from 'vitest';
import { finding, ok, renderJson, renderText, reportOf } from '../../../otel-config/doctor/finding.ts';

test('a name of others is shown in either form without moving a terminal or turning its text around', () => {
  const name = 'shop\u001b[2J\r\n\u009b2J\u2028\u202egood';
  const findings = [
    finding('warning', 'arrival.service', `the aggregator has never heard of ${name}.`, `Start ${name}.`, { name }),
    ok('key.reading', 'the key may read.'),
  ];
  const report = reportOf('/app', name, findings);
  const shown = 'shop\\u001b[2J\\u000d\\u000a\\u009b2J\\u2028\\u202egood';
  expect(renderText(report).split('\n')).toEqual([
    `warning arrival.service: the aggregator has never heard of ${shown}.`,
    `        mend: Start ${shown}.`,
    'ok      key.reading: the key may read.',
    '0 errors, 1 warnings, 0 notes, 1 good',
    '',
  ]);
  expect(renderJson(report)).toMatch(/^[\x20-\x7e\n]*\n$/);
  expect(JSON.parse(renderJson(report))).toEqual(report);
});
