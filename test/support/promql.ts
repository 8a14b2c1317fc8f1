/** PromQL as Prometheus' own grammar for editors reads it. */
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** An expression with Grafana's own variables put in: what reaches the server, but for the dashboard's variables. */
export function withIntervals(expression: string): string {
  return expression.replaceAll('$__rate_interval', '4m').replaceAll('$__range', '1h');
}

/** Where an expression cannot be parsed; undefined when it can. */
export function syntaxError(expression: string): string | undefined {
  let found: string | undefined;
  parser.parse(expression).iterate({
    enter(node) {
      if (node.type.isError)
        found ??= `at ${node.from}: ${expression.slice(Math.max(0, node.from - 20), node.to + 20)}`;
    },
  });
  return found;
}

export interface Selector {
  /** With its matchers, as written. */
  readonly text: string;
  readonly name: string;
  /** Duration in brackets behind it. */
  readonly range?: string;
  /** Function that it is the argument of. */
  readonly calledBy?: string;
}

/** Every choice of series in an expression. */
export function selectorsOf(expression: string): Selector[] {
  const found: Selector[] = [];
  const textOf = (node: SyntaxNode | null) => (node === null ? '' : expression.slice(node.from, node.to));
  parser.parse(expression).iterate({
    enter({ node }) {
      if (node.name !== 'VectorSelector') return;
      const matrix = node.parent?.name === 'MatrixSelector' ? node.parent : undefined;
      let call: SyntaxNode | null = (matrix ?? node).parent;
      while (call !== null && call.name !== 'FunctionCall' && call.name === 'FunctionCallBody') call = call.parent;
      found.push({
        text: textOf(node),
        name: textOf(node.getChild('Identifier')),
        range:
          matrix &&
          textOf(matrix)
            .slice(node.to - node.from)
            .replace(/[[\]]/g, ''),
        calledBy: call?.name === 'FunctionCall' ? textOf(call.getChild('FunctionIdentifier')) : undefined,
      });
    },
  });
  return found;
}
