import type { RecommendationRule, Remark } from './recommendations.ts';

const AREA = 'security';
const SECURITY = '/monitoring/security/';
const SQLI = '/monitoring/security/sqli/';
const GRAPHQL = '/monitoring/security/graphql/';
const THREATS = '/monitoring/security/threats/';

/** Signals: `threat_score`, `sqli_attempts`, `rate_limit_violations`, `detected_only`. */
export const securityRules: readonly RecommendationRule[] = [
  {
    id: 'threat-score',
    area: AREA,
    level: 'critical',
    signal: 'threat_score',
    unit: 'count',
    speaks: 'above',
    threshold: 75,
    source: 'the lower bound of the level critical',
    message: 'The threat score is {value}; above {threshold} an attack is under way.',
    action:
      'Look at the patterns and at the top attackers, and block what comes from them before it reaches the application.',
    traces: 'none',
    link: THREATS,
  },
  {
    id: 'sqli-attempts',
    area: AREA,
    level: 'warning',
    signal: 'sqli_attempts',
    unit: 'count',
    speaks: 'from',
    threshold: 50,
    source: 'half of the half-point of the SQL-injection component',
    message: 'SQL-injection attempts in this window: {value}; {threshold} are more than a stray scanner.',
    action: 'Block the top attackers, and check that every query is parameterised.',
    traces: 'none',
    link: SQLI,
  },
  {
    id: 'rate-limit-violations',
    area: AREA,
    level: 'warning',
    signal: 'rate_limit_violations',
    unit: 'count',
    speaks: 'above',
    threshold: 100,
    source: 'a third of the half-point of the rate-limit component',
    message: 'Rate-limit violations in this window: {value}; up to {threshold} are usual.',
    action: 'See whether a few clients flood the service or whether the limit is too low for ordinary use.',
    traces: 'none',
    link: GRAPHQL,
  },
  {
    id: 'detected-not-blocked',
    area: AREA,
    level: 'warning',
    signal: 'detected_only',
    unit: 'count',
    speaks: 'above',
    threshold: 0,
    source: 'an attack that is seen should be refused',
    message: 'Attacks that were seen and let through: {value}; there should be {threshold}.',
    action:
      'Once the detections look right, let what detects them refuse them, such as with block: true of the SQL-injection middlewares.',
    traces: 'none',
    link: SECURITY,
  },
];

export const securityHealthy: Remark = {
  id: 'security-healthy',
  area: AREA,
  message: 'Nothing hostile stands out: attempts and refusals are within their bounds.',
  action: 'Nothing to do.',
  link: SECURITY,
};

export const securitySilent: Remark = {
  id: 'security-no-data',
  area: AREA,
  message: 'Nothing has been received yet, so nothing can be said about threats.',
  action: 'Check that the application runs with the instrumentation and can reach this service.',
  link: SECURITY,
};
