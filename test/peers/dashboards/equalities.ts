/** Which numbers of the dashboards stand in the JSON answers, too, and where. */

type Body = Readonly<Record<string, never>>;

/** A number from both sides. */
export interface Equality {
  /** What Prometheus is asked. */
  readonly expression: string;
  /** The endpoint, and the number in its body in the unit of the expression. */
  readonly path: string;
  readonly number: (body: Body) => number;
  /** Share by which they may differ: 0 where both are the same count. */
  readonly tolerance: number;
}

/** Bodies round to two decimals of a percent or of a millisecond. */
const ROUNDING = 1e-3;

/** `increase()` extrapolates to the edges of the range and does not know what came before the first scrape of a series. */
const EXTRAPOLATED = 0.25;

interface Statistics {
  readonly statistics: Readonly<Record<string, number>>;
}

const statistics =
  (field: string) =>
  (body: Body): number =>
    (body as unknown as Statistics).statistics[field];

const mutations = (expression: string, field: string): Equality => ({
  expression,
  path: '/monitoring/graphql/mutations/',
  number: statistics(field),
  tolerance: 0,
});
const tasks = (expression: string, field: string): Equality => ({
  ...mutations(expression, field),
  path: '/monitoring/celery/idempotency/',
});

interface TopMutation {
  readonly mutation_name: string;
  readonly count: number;
  readonly failed: number;
  readonly p95_ms: number;
}

const ofMutation = (expression: string, name: string, pick: (row: TopMutation) => number, tolerance = 0): Equality => ({
  expression,
  path: '/monitoring/graphql/mutations/breakdown/',
  number: (body) => pick((body['top_mutations'] as TopMutation[]).find((row) => row.mutation_name === name)!),
  tolerance,
});

interface Objective {
  readonly id: string;
  readonly objective: number;
  readonly attained: number;
  readonly budget_remaining: number;
  readonly burn_rates: Readonly<Record<string, number>>;
}

const ofObjective = (expression: string, id: string, pick: (row: Objective) => number): Equality => ({
  expression,
  path: '/monitoring/slo/',
  number: (body) => pick((body['objectives'] as Objective[]).find((row) => row.id === id)!),
  tolerance: ROUNDING,
});

const names = ['LoginUser', 'InsertRecord', 'TaskTourUpdate', 'SecureFileUploadMutation'];
const objectives = ['mutation-latency-p95', 'mutation-latency-p99', 'mutation-success', 'task-duplicates'];

export const equalities: readonly Equality[] = [
  mutations('sum(graphql_mutation_total)', 'total_mutations'),
  mutations('sum(graphql_mutation_success_total)', 'successful_mutations'),
  mutations('sum(graphql_mutation_failure_total)', 'failed_mutations'),
  mutations('sum(graphql_mutation_errors_total)', 'failed_mutations'),
  ...names.flatMap((name) => [
    ofMutation(`graphql_mutation_total{mutation="${name}"}`, name, ({ count }) => count),
    ofMutation(`graphql_mutation_failure_total{mutation="${name}"}`, name, ({ failed }) => failed),
    ofMutation(
      `graphql_mutation_duration_seconds{mutation="${name}",quantile="0.95"} * 1000`,
      name,
      ({ p95_ms: p95 }) => p95,
      5 * ROUNDING,
    ),
  ]),
  tasks('sum(celery_idempotency_requests_total)', 'total_requests'),
  tasks('sum(celery_idempotency_duplicate_hits_total)', 'duplicate_hits'),
  tasks('sum(celery_idempotency_duplicates_prevented_total)', 'duplicates_prevented'),
  { ...tasks('100 * celery_idempotency_duplicate_rate', 'duplicate_rate'), tolerance: 5 * ROUNDING },
  ...objectives.flatMap((id) => [
    ofObjective(`slo_objective_ratio{slo="${id}"}`, id, ({ objective }) => objective),
    ofObjective(`slo_attained_ratio{slo="${id}"}`, id, ({ attained }) => attained),
    ofObjective(`slo_error_budget_remaining_ratio{slo="${id}"}`, id, (row) => row.budget_remaining),
    ofObjective(`slo_burn_rate{slo="${id}",window="1h"}`, id, (row) => row.burn_rates['1h']),
  ]),
];

interface Attacker {
  readonly ip_address: string;
  readonly violation_count: number;
  readonly reputation: { readonly reputation_score: number };
}

const security = (expression: string, path: string, number: (body: Body) => number, tolerance = 0): Equality => ({
  expression,
  path: `/monitoring/security/${path}`,
  number,
  tolerance,
});
const field = (name: string) => (body: Body) => Number(body[name]);
const attacker = (address: string, pick: (row: Attacker) => number) => (body: Body) =>
  pick((body['top_attackers'] as Attacker[]).find((row) => row.ip_address === address)!);

const SQLI_CLIENT = '198.51.100.7';
const ofClient = `client_address="${SQLI_CLIENT}"`;

export const securityEqualities: readonly Equality[] = [
  security('100 * security_threat_score', '', field('overall_threat_score'), 5 * ROUNDING),
  security('sum(security_sqli_attempts_total)', 'sqli/', field('total_attempts')),
  security('security_graphql_csrf_violations_total', 'graphql/', field('csrf_violations')),
  security('security_graphql_rate_limit_violations_total', 'graphql/', field('rate_limit_violations')),
  security('security_graphql_origin_violations_total', 'graphql/', field('origin_violations')),
  security(
    `security_top_attacker_violations{${ofClient}}`,
    'sqli/',
    attacker(SQLI_CLIENT, ({ violation_count: count }) => count),
  ),
  security(
    `security_top_attacker_reputation{${ofClient}}`,
    'sqli/',
    attacker(SQLI_CLIENT, ({ reputation }) => reputation.reputation_score),
    5 * ROUNDING,
  ),
];

/** The same for panels, by dashboard and title, whose counts Prometheus estimates for the range of time. */
export const panelEqualities: readonly (Omit<Equality, 'expression'> & { readonly panel: string })[] = [
  { ...mutations('', 'failed_mutations'), panel: 'Failures', tolerance: EXTRAPOLATED },
  { ...tasks('', 'total_requests'), panel: 'Keys admitted', tolerance: EXTRAPOLATED },
  { ...tasks('', 'duplicates_prevented'), panel: 'Duplicates prevented', tolerance: EXTRAPOLATED },
];
