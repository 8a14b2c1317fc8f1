/**
 * The parts of GraphQL's objects that are read here. Every executor that is hooked has them, in all supported versions;
 * the types of the `graphql` package differ between its majors, and this package depends on none of them.
 */

export interface NameNode {
  readonly value: string;
}

export interface FieldNode {
  readonly kind: 'Field';
  readonly name: NameNode;
  readonly alias?: NameNode | undefined;
  readonly selectionSet?: SelectionSetNode | undefined;
}

export interface FragmentSpreadNode {
  readonly kind: 'FragmentSpread';
  readonly name: NameNode;
}

export interface InlineFragmentNode {
  readonly kind: 'InlineFragment';
  readonly selectionSet: SelectionSetNode;
}

export type SelectionNode = FieldNode | FragmentSpreadNode | InlineFragmentNode;

export interface SelectionSetNode {
  readonly selections: readonly SelectionNode[];
}

export type OperationType = 'query' | 'mutation' | 'subscription';

export interface OperationNode {
  readonly kind: 'OperationDefinition';
  readonly operation: OperationType;
  readonly name?: NameNode | undefined;
  readonly selectionSet: SelectionSetNode;
}

export interface FragmentNode {
  readonly kind: 'FragmentDefinition';
  readonly name: NameNode;
  readonly selectionSet: SelectionSetNode;
}

/** A definition of a type system, which an executor skips. */
export interface OtherDefinitionNode {
  readonly kind: 'SchemaDefinition';
}

export interface DocumentNode {
  readonly definitions: readonly (OperationNode | FragmentNode | OtherDefinitionNode)[];
}

/** What a resolver is told about the field it resolves; `variableValues` is one object for each execution. */
export interface ResolveInfo {
  readonly fieldName: string;
  readonly fieldNodes: readonly FieldNode[];
  readonly fragments: Readonly<Record<string, FragmentNode>>;
  readonly path: { readonly key: string | number; readonly prev: unknown };
  readonly operation: OperationNode;
  readonly variableValues: object;
}

export type Resolver = (this: unknown, source: unknown, args: unknown, context: unknown, info: ResolveInfo) => unknown;

export interface SchemaField {
  readonly name: string;
  resolve?: Resolver | undefined;
}

export interface Schema {
  getMutationType(): { getFields(): Readonly<Record<string, SchemaField>> } | null | undefined;
}

/** Arguments of an executor; those not named here pass through untouched. */
export interface ExecutionArgs {
  readonly schema: Schema;
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly fieldResolver?: Resolver | null | undefined;
}

/** An error of an answer; `path` starts with the response key of a root field. */
export interface AnswerError {
  readonly path?: readonly (string | number)[] | undefined;
}

/** An executor's answer, or the first part of one that comes in parts. */
export interface Answer {
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  readonly errors?: readonly AnswerError[] | undefined;
}

/** The first part of an incremental result (`@defer`), the result itself otherwise; undefined for what is no answer. */
export function answerOf(result: unknown): Answer | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  const initial = (result as { initialResult?: unknown }).initialResult;
  return typeof initial === 'object' && initial !== null ? initial : (result as Answer);
}

/** Whether an answer reports errors; what is no answer, such as the stream of a subscription, reports none. */
export function hasErrors(answer: Answer | undefined): boolean {
  return answer?.errors !== undefined && answer.errors.length > 0;
}

/**
 * The operation that an executor would choose.
 * @returns undefined when there is none, or several and no name: the executor refuses such a request
 */
export function operationOf(
  document: DocumentNode | undefined,
  operationName: string | null | undefined,
): OperationNode | undefined {
  let found: OperationNode | undefined;
  for (const definition of document?.definitions ?? []) {
    if (definition.kind !== 'OperationDefinition') continue;
    if (operationName != null) {
      if (definition.name?.value === operationName) return definition;
    } else {
      if (found !== undefined) return undefined;
      found = definition;
    }
  }
  return found;
}
