/** What a mutation operation asks for, read once for each document: servers keep their parsed documents. */
import { complexityOf, type FragmentLookup } from './complexity.ts';
import type { DocumentNode, FieldNode, FragmentNode, OperationNode, SelectionSetNode } from './graphql-shapes.ts';

/** One field under the root mutation type that a request selects. */
export interface RootField {
  /** Its place among the root fields of the request. */
  readonly index: number;
  readonly fieldName: string;
  /** The alias, or else the name: under it the answer has the field's value, and errors have their path. */
  readonly responseKey: string;
  /** Number of fields selected, this one included. */
  readonly complexity: number;
}

export interface MutationPlan {
  readonly operation: OperationNode;
  /** In the order of execution; without meta fields such as `__typename`. */
  readonly roots: readonly RootField[];
  readonly byKey: ReadonlyMap<string, RootField>;
}

const plans = new WeakMap<DocumentNode, MutationPlan[]>();

/** The plan of a mutation operation of this document. */
export function planOf(document: DocumentNode, operation: OperationNode): MutationPlan {
  let known = plans.get(document);
  if (known === undefined) plans.set(document, (known = []));
  for (const plan of known) if (plan.operation === operation) return plan;
  const plan = readPlan(document, operation);
  known.push(plan);
  return plan;
}

function readPlan(document: DocumentNode, operation: OperationNode): MutationPlan {
  const fragments = fragmentsOf(document);
  const nodesByKey = new Map<string, FieldNode[]>();
  collectRootFields(operation.selectionSet, fragments, nodesByKey, new Set());
  const roots = [...nodesByKey].map(([responseKey, nodes], index) => ({
    index,
    fieldName: nodes[0]!.name.value,
    responseKey,
    complexity: complexityOf(nodes, fragments),
  }));
  return { operation, roots, byKey: new Map(roots.map((root) => [root.responseKey, root])) };
}

function fragmentsOf(document: DocumentNode): FragmentLookup {
  const byName = new Map<string, FragmentNode>();
  for (const definition of document.definitions) {
    if (definition.kind === 'FragmentDefinition') byName.set(definition.name.value, definition);
  }
  return (name) => byName.get(name);
}

function collectRootFields(
  set: SelectionSetNode,
  fragments: FragmentLookup,
  nodesByKey: Map<string, FieldNode[]>,
  spread: Set<string>,
): void {
  for (const selection of set.selections) {
    if (selection.kind === 'InlineFragment') {
      collectRootFields(selection.selectionSet, fragments, nodesByKey, spread);
    } else if (selection.kind === 'FragmentSpread') {
      const fragment = spread.has(selection.name.value) ? undefined : fragments(selection.name.value);
      spread.add(selection.name.value);
      if (fragment !== undefined) collectRootFields(fragment.selectionSet, fragments, nodesByKey, spread);
    } else if (!selection.name.value.startsWith('__')) {
      const responseKey = (selection.alias ?? selection.name).value;
      const nodes = nodesByKey.get(responseKey);
      if (nodes === undefined) nodesByKey.set(responseKey, [selection]);
      else nodes.push(selection);
    }
  }
}
