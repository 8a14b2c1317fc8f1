/** The families about objectives. An objective without data has no sample but its goal and its state. */
import type { Severity } from '../domain/burn-alerts.ts';
import { SLO_STATES } from '../domain/slo-state.ts';
import type { Labels, MetricFamily, Sample } from '../metrics.ts';
import type { ExpositionPart } from './exposition.ts';
import { roundedRatio } from './quantities.ts';
import { remembering } from './remembering-store.ts';
import { windowUntil } from './report.ts';
import { BURN_WINDOWS, readSloStatuses, type SloStatus, sloScope } from './slo-status.ts';

const SEVERITIES: readonly Severity[] = ['page', 'ticket'];

/**
 * `slo_objective_ratio`, `slo_attained_ratio`, `slo_error_budget_remaining_ratio`, `slo_burn_rate`, `slo_state`, and
 * `slo_alert_firing`: a budget that is spent hides in the state how fast it goes on being spent.
 */
export const sloFamilies: ExpositionPart = async (store, { nowMs, ...asked }) => {
  const scope = sloScope({ ...asked, window: windowUntil(nowMs, 'minutes', 1) });
  const read = await readSloStatuses(remembering(store), scope);
  const statuses = read.toSorted((a, b) => (a.slo.id < b.slo.id ? -1 : 1));
  const gauge = (name: string, help: string, samplesOf: (status: SloStatus) => readonly Sample[]): MetricFamily => ({
    name,
    type: 'gauge',
    help,
    samples: statuses.flatMap(samplesOf),
  });
  return [
    gauge('slo_objective_ratio', 'Ratio of good events aimed at.', ({ slo }) => sampleOf(slo.id, slo.objective)),
    gauge('slo_attained_ratio', 'Ratio of good events in the window of the objective.', ({ slo, attained }) =>
      sampleOf(slo.id, attained),
    ),
    gauge(
      'slo_error_budget_remaining_ratio',
      'Share of the error budget that is left; below 0 it is overspent.',
      ({ slo, remaining }) => sampleOf(slo.id, remaining),
    ),
    gauge('slo_burn_rate', 'Error ratio over the window in error budgets; 1 spends exactly all of it.', (status) =>
      Object.keys(BURN_WINDOWS).flatMap((window) =>
        sampleOf(status.slo.id, status.burnRates[window], ['window', window]),
      ),
    ),
    gauge('slo_state', '1 for the state that the objective is in.', ({ slo, state }) =>
      SLO_STATES.flatMap((each) => sampleOf(slo.id, each === state ? 1 : 0, ['state', each])),
    ),
    gauge('slo_alert_firing', '1 while an alert of that severity fires on the speed of spending.', ({ slo, alerts }) =>
      SEVERITIES.flatMap((severity) => {
        const fires = alerts.some(({ alert, state }) => alert.severity === severity && state === 'firing');
        return sampleOf(slo.id, fires ? 1 : 0, ['severity', severity]);
      }),
    ),
  ];
};

function sampleOf(id: string, value: number | undefined, ...further: Labels[number][]): Sample[] {
  return value === undefined ? [] : [{ labels: [['slo', id], ...further], value: roundedRatio(value) }];
}
