/** The values of a GraphQL request: its variables, and the texts that stand in its document. */
import type { Walk } from './leaves.ts';

/** Nodes of a document that are walked over. */
const MAX_NODES = 10_000;

/** @param document as graphql's parser makes it; @param variables as they came in */
export function walkGraphql(walk: Walk, document: unknown, variables: unknown): void {
  if (typeof variables === 'object' && variables !== null)
    for (const [name, value] of Object.entries(variables)) walk.over('variable', name, value);
  walkDocument(walk, document);
}

interface Node {
  readonly kind?: string;
  readonly name?: { readonly value?: string };
  readonly variable?: { readonly name?: { readonly value?: string } };
  readonly value?: unknown;
}

/** Without recursion: a document may be as deep as its server allows. Texts are named by the argument or field they are for. */
function walkDocument(walk: Walk, document: unknown): void {
  const open: (readonly [node: unknown, holder: string])[] = [[document, '']];
  for (let seen = 0; open.length > 0 && seen < MAX_NODES && !walk.ended; seen++) {
    const [node, holder] = open.pop()!;
    if (Array.isArray(node)) {
      for (const one of node.toReversed()) open.push([one, holder]);
      continue;
    }
    const { kind, name, variable, value } = node as Node;
    const own = kind === 'Argument' || kind === 'ObjectField' ? name?.value : variable?.name?.value;
    if (kind === 'StringValue') walk.over('literal', holder, value);
    else for (const child of childrenOf(node as Node)) open.push([child, joined(holder, own)]);
  }
}

function joined(holder: string, own: string | undefined): string {
  return own === undefined ? holder : holder === '' ? own : `${holder}.${own}`;
}

/** Parts of a node that are nodes; where it stands in the text is none. */
function childrenOf(node: Node): unknown[] {
  return Object.entries(node)
    .filter(([key, value]) => key !== 'loc' && typeof value === 'object' && value !== null)
    .map(([, value]) => value as unknown);
}
