import type { FieldNode, FragmentNode, SelectionSetNode } from './graphql-shapes.ts';

/** Most fields that are told apart: fragments that spread fragments could name 2^n of them in n lines. */
export const MOST_FIELDS = 1_000_000;

/** Finds a fragment by its name; undefined when the document has none. */
export type FragmentLookup = (name: string) => FragmentNode | undefined;

/**
 * How many fields a root field selects, itself included, fragments followed wherever they are spread; `@skip` and
 * `@include` are not judged.
 * @param nodes the field's nodes: several when a request selects it more than once under one response key
 * @returns a whole number in [1, MOST_FIELDS]
 */
export function complexityOf(nodes: readonly FieldNode[], fragments: FragmentLookup): number {
  const counted = new Map<string, number>();
  let fields = 1;
  for (const node of nodes) fields += countFields(node.selectionSet, fragments, counted);
  return Math.min(fields, MOST_FIELDS);
}

/** @param counted what fragments came to; 0 while one is being counted, which ends cycles */
function countFields(
  set: SelectionSetNode | undefined,
  fragments: FragmentLookup,
  counted: Map<string, number>,
): number {
  if (set === undefined) return 0;
  let fields = 0;
  for (const selection of set.selections) {
    if (selection.kind === 'FragmentSpread') fields += countFragment(selection.name.value, fragments, counted);
    else fields += (selection.kind === 'Field' ? 1 : 0) + countFields(selection.selectionSet, fragments, counted);
  }
  return Math.min(fields, MOST_FIELDS);
}

function countFragment(name: string, fragments: FragmentLookup, counted: Map<string, number>): number {
  const known = counted.get(name);
  if (known !== undefined) return known;
  counted.set(name, 0);
  const fields = countFields(fragments(name)?.selectionSet, fragments, counted);
  counted.set(name, fields);
  return fields;
}
