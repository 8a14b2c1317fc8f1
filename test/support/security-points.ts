/** Points about security, as their instrumentation sends them. */
import type { PointDescription } from './otlp-json.ts';

type Point = Omit<PointDescription, 'instance' | 'cumulative' | 'startMs' | 'timeMs'>;

const times = (n: number): number[] => new Array<number>(n).fill(1);

export interface BlockOptions {
  readonly pattern?: string;
  readonly action?: 'blocked' | 'detected';
  readonly surface?: 'graphql' | 'http';
}

export function blocks(category: string, n: number, options: BlockOptions = {}): Point {
  const { pattern = category === 'sqli' ? 'union' : 'request', action = 'blocked', surface = 'graphql' } = options;
  const attributes = {
    'vigil.security.category': category,
    'vigil.security.pattern': pattern,
    'vigil.security.action': action,
    'vigil.security.surface': surface,
  };
  return { metric: 'vigil.security.blocks', attributes, values: times(n), shape: 'sum' };
}

export function clientBlocks(address: string, category: string, n: number, pattern = 'union'): Point {
  const attributes = {
    'client.address': address,
    'vigil.security.category': category,
    'vigil.security.pattern': pattern,
  };
  return { metric: 'vigil.security.clients', attributes, values: times(n), shape: 'sum' };
}

export function graphqlRequests(outcome: 'ok' | 'error' | 'blocked', n: number): Point {
  const attributes = { 'graphql.operation.type': 'query', 'vigil.graphql.outcome': outcome };
  return { metric: 'vigil.graphql.requests', attributes, values: times(n), shape: 'sum' };
}
