import { html } from 'hono/html';
import { expect, test } from 'vitest';
import type { Series } from '../../../aggregator/page/charts.ts';
import { type ObjectiveDetail, renderObjective } from '../../../aggregator/page/objectives.ts';

type Alert = ObjectiveDetail['alerts'][number];

const SERIES = { step_seconds: 3600, points: [] };

const objective = (alert: Pick<Alert, 'state' | 'frozen'>): ObjectiveDetail => ({
  id: 'mutation-success',
  name: 'Mutations that do not fail',
  description: '',
  summary: '',
  state: 'meeting',
  objective: 0.95,
  attained: 0.99,
  window_days: 30,
  events: { good: 99, total: 100 },
  budget_remaining: 0.8,
  burn_rates: {},
  time_to_exhaustion_seconds: null,
  coverage: 0.01,
  alerts: [{ severity: 'page', long_window: '1h', short_window: '5m', threshold: 14.4, ...alert }],
  spent_by: [],
  series: { budget_remaining: SERIES, burn_rate_1h: SERIES },
});

test.each<[Pick<Alert, 'state' | 'frozen'>, string]>([
  [{ state: 'firing', frozen: false }, 'firing'],
  [{ state: 'firing', frozen: true }, 'firing, frozen by silence'],
  [{ state: 'inactive', frozen: false }, 'inactive'],
  [{ state: 'no_data', frozen: false }, 'not enough data'],
])('the state of an alert in words: %o', async (alert, words) => {
  const page = String(await html`${renderObjective(objective(alert), { base: '', window: '1h', service: undefined })}`);
  const [row] = page.split('</tr>').filter((each) => each.includes('1h and 5m'));
  expect(row.replaceAll(/<[^>]*>/g, ' ').trim()).toMatch(new RegExp(`14\\.4\\s+\\S?\\s*${words}$`));
});

test.each<[string, number | null, boolean]>([
  ['a window whose beginning nothing was measured in', null, true],
  ['one that was measured from its beginning', 1, false],
])('the chart of the budget says what an absent line means: %s', async (_name, first, isSaid) => {
  const budget: Series = {
    step_seconds: 3600,
    points: [
      [0, first],
      [3600, 0.8],
    ],
  };
  const detail = {
    ...objective({ state: 'inactive', frozen: false }),
    series: { budget_remaining: budget, burn_rate_1h: SERIES },
  };
  const page = String(await html`${renderObjective(detail, { base: '', window: '1h', service: undefined })}`);
  expect(page.includes('Nothing was measured where no line is drawn.')).toBe(isSaid);
});
