/** The endpoints that report on a window of time. Adding one is adding a row. */
import type { z } from 'zod';
import { recommendationsSchema, reportRecommendations } from '../reports/all-recommendations.ts';
import { allParts, type ExpositionPart } from '../reports/exposition.ts';
import { idempotencySchema, reportIdempotency } from '../reports/idempotency.ts';
import { idempotencyBreakdownSchema, reportIdempotencyBreakdown } from '../reports/idempotency-breakdown.ts';
import { lockCounts, taskCounts, taskHealth } from '../reports/idempotency-families.ts';
import { idempotencyHealthSchema, reportIdempotencyHealth } from '../reports/idempotency-health.ts';
import { mutationCounts, mutationDurations, mutationErrors } from '../reports/mutation-families.ts';
import { mutationsSchema, reportMutations } from '../reports/mutations.ts';
import { mutationsBreakdownSchema, reportMutationsBreakdown } from '../reports/mutations-breakdown.ts';
import { mutationsPerformanceSchema, reportMutationsPerformance } from '../reports/mutations-performance.ts';
import { overviewSchema, reportOverview } from '../reports/overview.ts';
import type { Report, WindowUnit } from '../reports/report.ts';
import { reportSecurity, securitySchema } from '../reports/security.ts';
import { attackerFamilies, graphqlViolations, sqliCounts, threatFamilies } from '../reports/security-families.ts';
import { reportSecurityGraphql, securityGraphqlSchema } from '../reports/security-graphql.ts';
import { reportSecuritySqli, securitySqliSchema } from '../reports/security-sqli.ts';
import { reportSecurityThreats, securityThreatsSchema } from '../reports/security-threats.ts';
import { reportSlo, reportSlos, sloDetailSchema, slosSchema } from '../reports/slo.ts';
import { sloFamilies } from '../reports/slo-families.ts';

export interface Endpoint<Schema extends z.ZodObject = z.ZodObject, Path extends string = string> {
  /** With its closing slash; it is served without, too. `{id}` stands for the id that the report gets. */
  readonly path: Path;
  /** Further paths that answer the same. */
  readonly aliases: readonly string[];
  readonly summary: string;
  /** Absent where the answer has windows of its own: it then takes none. */
  readonly window?: { readonly unit: WindowUnit; readonly defaultLength: number };
  /** What a body holds; a field that is not declared here never leaves the service. */
  readonly schema: Schema;
  readonly report: Report<z.input<Schema>>;
  /** What `format=prometheus` answers; where it is empty, only JSON can be asked for. */
  readonly exposition: readonly ExpositionPart[];
}

/** A row of which only the types of path and schema are known, so that a client can tell from a path what it answers. */
type Row<Schema extends z.ZodObject, Path extends string> = Omit<Endpoint, 'path' | 'schema'> & {
  readonly path: Path;
  readonly schema: Schema;
};

/** Holds a row's report against its schema. */
function endpoint<Schema extends z.ZodObject, const Path extends string>(
  row: Endpoint<Schema, Path>,
): Row<Schema, Path> {
  return row as unknown as Row<Schema, Path>;
}

const MUTATION_WINDOW = { unit: 'minutes', defaultLength: 60 } as const;
const DAY_WINDOW = { unit: 'hours', defaultLength: 24 } as const;

export const endpoints = [
  endpoint({
    path: '/monitoring/graphql/mutations/',
    aliases: [],
    summary: 'How mutations went: counts, success rate, response times, recommendations.',
    window: MUTATION_WINDOW,
    schema: mutationsSchema,
    report: reportMutations,
    exposition: [mutationCounts, mutationErrors, mutationDurations],
  }),
  endpoint({
    path: '/monitoring/graphql/mutations/breakdown/',
    aliases: [],
    summary: 'Which mutations there were, and which errors.',
    window: MUTATION_WINDOW,
    schema: mutationsBreakdownSchema,
    report: reportMutationsBreakdown,
    exposition: [mutationCounts, mutationErrors],
  }),
  endpoint({
    path: '/monitoring/graphql/mutations/performance/',
    aliases: [],
    summary: 'How long mutations took, against their targets.',
    window: MUTATION_WINDOW,
    schema: mutationsPerformanceSchema,
    report: reportMutationsPerformance,
    exposition: [mutationDurations],
  }),
  endpoint({
    path: '/monitoring/celery/idempotency/',
    aliases: ['/monitoring/tasks/idempotency/'],
    summary: 'How often tasks were asked for twice: counts, duplicate rate, health, recommendations.',
    window: DAY_WINDOW,
    schema: idempotencySchema,
    report: reportIdempotency,
    exposition: [taskCounts, taskHealth, lockCounts],
  }),
  endpoint({
    path: '/monitoring/celery/idempotency/breakdown/',
    aliases: ['/monitoring/tasks/idempotency/breakdown/'],
    summary: 'Which scopes and tasks meet duplicates, and how locks perform.',
    window: DAY_WINDOW,
    schema: idempotencyBreakdownSchema,
    report: reportIdempotencyBreakdown,
    exposition: [taskCounts, lockCounts],
  }),
  endpoint({
    path: '/monitoring/celery/idempotency/health/',
    aliases: ['/monitoring/tasks/idempotency/health/'],
    summary: 'Whether duplicates are rare enough, what preventing them saved, and what is to be done.',
    window: DAY_WINDOW,
    schema: idempotencyHealthSchema,
    report: reportIdempotencyHealth,
    exposition: [taskHealth],
  }),
  endpoint({
    path: '/monitoring/security/',
    aliases: [],
    summary: 'How much the service is under attack: threat score, its components, recommendations.',
    window: DAY_WINDOW,
    schema: securitySchema,
    report: reportSecurity,
    exposition: [sqliCounts, graphqlViolations, threatFamilies, attackerFamilies],
  }),
  endpoint({
    path: '/monitoring/security/sqli/',
    aliases: [],
    summary: 'SQL-injection attempts: when, of which classes, and who.',
    window: DAY_WINDOW,
    schema: securitySqliSchema,
    report: reportSecuritySqli,
    exposition: [sqliCounts, attackerFamilies],
  }),
  endpoint({
    path: '/monitoring/security/graphql/',
    aliases: [],
    summary: 'What was refused at GraphQL.',
    window: DAY_WINDOW,
    schema: securityGraphqlSchema,
    report: reportSecurityGraphql,
    exposition: [graphqlViolations],
  }),
  endpoint({
    path: '/monitoring/security/threats/',
    aliases: [],
    summary: 'Patterns of attack in what clients met.',
    window: DAY_WINDOW,
    schema: securityThreatsSchema,
    report: reportSecurityThreats,
    exposition: [threatFamilies, attackerFamilies],
  }),
  endpoint({
    path: '/monitoring/slo/',
    aliases: [],
    summary: 'Every objective, worst error budget first.',
    schema: slosSchema,
    report: reportSlos,
    exposition: [sloFamilies],
  }),
  endpoint({
    path: '/monitoring/slo/{id}/',
    aliases: [],
    summary: 'One objective, with how its budget and its burn rate went.',
    schema: sloDetailSchema,
    report: reportSlo,
    exposition: [],
  }),
  endpoint({
    path: '/monitoring/overview/',
    aliases: [],
    summary: 'Everything that the first screen needs, in one answer.',
    schema: overviewSchema,
    report: reportOverview,
    exposition: allParts,
  }),
  endpoint({
    path: '/monitoring/recommendations/',
    aliases: [],
    summary: 'All recommendations, worst first, with their evidence.',
    schema: recommendationsSchema,
    report: reportRecommendations,
    exposition: [],
  }),
];
