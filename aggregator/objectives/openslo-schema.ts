/**
 * OpenSLO v1, as far as it can be kept here. What the specification knows and this service cannot express is refused by
 * its name, with what to do instead; a word that the specification does not know is a mistake.
 * @see https://github.com/openslo/openslo
 */
import { type AttributeDefinition, attributes as attributeTable, type MetricName, metrics } from '@vigil/semconv';
import { z } from 'zod';

/** Longest window: a year, and a day when it is a leap year. */
const MAX_WINDOW_DAYS = 366;

/** Kinds of the specification that are not objectives, and what stands in their place. */
export const REFUSED_KINDS: Readonly<Record<string, string>> = {
  DataSource: 'the data source is always the own store of this service',
  AlertPolicy: 'alerts are derived from each objective',
  AlertCondition: 'alerts are derived from each objective',
  AlertNotificationTarget: 'set MONITORING_ALERTMANAGER_URL, MONITORING_WEBHOOK_URL or MONITORING_SLACK_URL instead',
};

/** A field of the specification that cannot be kept. */
const refused = (instead: string) =>
  z.custom<undefined>((value) => value === undefined, { error: `not supported: ${instead}` }).optional();

const literal = <const Value extends string | boolean>(value: Value, mend: string) =>
  z.literal(value, { error: (issue) => (issue.input === undefined ? `is missing: ${mend}` : mend) });

const line = (max: number) =>
  z
    .string({ error: `must be a text of 1 to ${max} characters` })
    .trim()
    .min(1)
    .max(max);
const objectName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be 1 to 63 lower-case letters, digits and hyphens');

export const metadataSchema = z.strictObject({
  name: objectName,
  displayName: line(120).optional(),
  labels: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

const metricName = z.enum(Object.keys(metrics) as [MetricName, ...MetricName[]], {
  error: 'must be the name of one of the metrics of Vigil, such as vigil.mutation.duration',
});

const values = z
  .union([z.string(), z.array(z.string()).min(1)], { error: 'must be a text, or a list of texts' })
  .transform((value) => (typeof value === 'string' ? [value] : value));

/** The part that OpenSLO leaves to the implementation. */
const selectionSchema = z
  .strictObject({
    metric: metricName,
    where: z.record(z.string(), values).default({}),
    atMost: z.number().positive().optional(),
  })
  .superRefine(({ metric, where, atMost }, context) => {
    const complain = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    for (const [key, wanted] of Object.entries(where)) {
      const known: readonly string[] = [...metrics[metric].attributes, 'service.name', 'service.version'];
      if (!known.includes(key)) complain(['where', key], `${metric} has no such attribute; it has ${known.join(', ')}`);
      const closed = closedValues(key);
      if (closed !== undefined && !wanted.every((value) => closed.includes(value)))
        complain(['where', key], `must be of ${closed.join(', ')}`);
    }
    if (atMost !== undefined && metrics[metric].kind !== 'histogram')
      complain(['atMost'], `${metric} is a counter: it counts events, not values`);
  });

/** The values that an attribute can have, where nobody may add to them. */
function closedValues(key: string): readonly string[] | undefined {
  const definition = (attributeTable as Readonly<Record<string, AttributeDefinition>>)[key];
  return definition?.extensible ? undefined : definition?.values;
}

export const metricSchema = z.strictObject({
  metricSource: z.strictObject({
    metricSourceRef: refused(`write "type: Vigil"; ${REFUSED_KINDS['DataSource']}`),
    type: literal('Vigil', 'must be Vigil, as the metrics come from this service'),
    spec: selectionSchema,
  }),
});

const ratioSchema = z
  .strictObject({
    counter: literal(true, 'must be true, as metrics of Vigil only rise').optional(),
    good: metricSchema.optional(),
    bad: metricSchema.optional(),
    total: metricSchema,
    raw: refused('give good or bad, and total'),
    rawType: refused('give good or bad, and total'),
  })
  .refine(({ good, bad }) => (good === undefined) !== (bad === undefined), 'must have either good or bad');

export const indicatorSchema = z
  .strictObject({
    description: z.string().optional(),
    ratioMetric: ratioSchema.optional(),
    thresholdMetric: metricSchema.optional(),
  })
  .refine(
    ({ ratioMetric, thresholdMetric }) => (ratioMetric === undefined) !== (thresholdMetric === undefined),
    'must have either ratioMetric or thresholdMetric',
  );

/** In whole days. */
const windowDuration = z.string().transform((text, context) => {
  const [, number, unit] = /^(\d{1,5})(h|d|w)$/.exec(text) ?? [];
  const days = Number(number) * ({ h: 1 / 24, d: 1, w: 7 }[unit] ?? Number.NaN);
  if (Number.isInteger(days) && days >= 1 && days <= MAX_WINDOW_DAYS) return days;
  const message = /^\d+[MQY]$/.test(text)
    ? 'not supported: months, quarters and years differ in length; give days or weeks'
    : `must be whole days from 1d to ${MAX_WINDOW_DAYS}d, or weeks such as 4w`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const OPERATORS = 'only lte is supported: histograms count the values up to and including a threshold';
const ratio = z.number().gt(0).lt(1, 'must be below 1: an objective of 1 leaves no error budget');

const objectiveSchema = z
  .strictObject({
    displayName: z.string().optional(),
    op: z.literal('lte', { error: OPERATORS }).optional(),
    value: z.number().positive().optional(),
    target: ratio.optional(),
    targetPercent: z.number().gt(0).lt(100, 'must be below 100: it leaves no error budget').optional(),
    timeSliceTarget: refused('objectives count events (budgetingMethod: Occurrences)'),
    timeSliceWindow: refused('objectives count events (budgetingMethod: Occurrences)'),
    indicator: refused('composite objectives; write one SLO for each'),
    indicatorRef: refused('composite objectives; write one SLO for each'),
    compositeWeight: refused('composite objectives; write one SLO for each'),
  })
  .refine(
    ({ target, targetPercent }) => (target === undefined) !== (targetPercent === undefined),
    'must have either target or targetPercent',
  );

export const sloSchema = z.strictObject({
  apiVersion: literal('openslo/v1', 'must be openslo/v1'),
  kind: z.literal('SLO'),
  metadata: metadataSchema,
  spec: z
    .strictObject({
      description: z.string().trim().max(1050).default(''),
      service: line(120),
      indicator: z.strictObject({ metadata: metadataSchema.optional(), spec: indicatorSchema }).optional(),
      indicatorRef: objectName.optional(),
      timeWindow: z
        .array(
          z.strictObject({
            duration: windowDuration,
            isRolling: literal(true, 'must be true: only rolling windows are supported'),
            calendar: refused('only rolling windows are'),
          }),
        )
        .length(1, 'must hold exactly one window'),
      budgetingMethod: literal('Occurrences', 'must be Occurrences: every event counts the same'),
      objectives: z
        .array(objectiveSchema)
        .length(1, 'must hold exactly one objective; write a document for each further one'),
      alertPolicies: refused(REFUSED_KINDS['AlertPolicy']),
    })
    .refine(
      ({ indicator, indicatorRef }) => (indicator === undefined) !== (indicatorRef === undefined),
      'must have either indicator or indicatorRef',
    ),
});

export const sliSchema = z.strictObject({
  apiVersion: literal('openslo/v1', 'must be openslo/v1'),
  kind: z.literal('SLI'),
  metadata: metadataSchema,
  spec: indicatorSchema,
});

export type OpenSloSlo = z.output<typeof sloSchema>;
export type OpenSloIndicator = z.output<typeof indicatorSchema>;
