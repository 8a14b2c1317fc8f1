/** YAML files that people write by hand: every mistake comes out with its line. */
import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseAllDocuments } from 'yaml';
import type { z } from 'zod';

/** One thing that is wrong in a file. */
export interface FileProblem {
  /** From 1. */
  readonly line: number;
  /** Names the field, and says how to mend it. */
  readonly message: string;
}

/** One document of a file, and where its fields stand. */
export interface FileDocument {
  readonly value: unknown;
  /** Line of a field, or of the nearest one above it that is there. */
  lineOf(path: readonly PropertyKey[]): number;
}

/** Larger files are no list of objectives. */
const MAX_CHARACTERS = 1_000_000;

/** The documents of a file; those without content are left out. Nothing but problems when it is no YAML. */
export function readDocuments(text: string): {
  readonly documents: readonly FileDocument[];
  readonly problems: readonly FileProblem[];
} {
  if (text.length > MAX_CHARACTERS)
    return { documents: [], problems: [{ line: 1, message: `the file has more than ${MAX_CHARACTERS} characters.` }] };
  const lines = new LineCounter();
  // Always a list, but for an empty text.
  const parsed = [...parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })];
  const problems = parsed.flatMap((document) =>
    document.errors.map(({ pos, message }) => ({ line: lines.linePos(pos[0]).line, message: `not YAML: ${message}` })),
  );
  if (problems.length > 0) return { documents: [], problems };
  const documents: FileDocument[] = [];
  for (const document of parsed) {
    const line = lines.linePos(document.range[0]).line;
    try {
      const value: unknown = document.toJS();
      if (value !== null) documents.push({ value, lineOf: (path) => lineOf(document, lines, path) });
    } catch (error) {
      // More aliases than a file of this kind can need.
      problems.push({ line, message: error instanceof Error ? error.message : 'the document cannot be read.' });
    }
  }
  return { documents, problems };
}

function lineOf(document: Document.Parsed, lines: LineCounter, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let at = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === step);
      if (pair === undefined) break;
      at = (isNode(pair.key) ? pair.key.range?.[0] : undefined) ?? at;
      node = pair.value;
    } else {
      const child = isNode(node) && 'get' in node && typeof step === 'number' ? node.get(step, true) : undefined;
      if (!isNode(child)) break;
      at = child.range?.[0] ?? at;
      node = child;
    }
  }
  return lines.linePos(at).line;
}

/** A path as people write it: `spec.timeWindow[0].duration`. */
export function fieldName(path: readonly PropertyKey[]): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return text.replace(/^\./, '') || 'the document';
}

/** What a schema has against a document. */
export function schemaProblems(error: z.ZodError, { lineOf }: FileDocument): FileProblem[] {
  return error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => {
          const path = [...issue.path, key];
          return { line: lineOf(path), message: `${fieldName(path)} is not known here.` };
        })
      : [{ line: lineOf(issue.path), message: `${fieldName(issue.path)}: ${sentence(issue.message)}` }],
  );
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
