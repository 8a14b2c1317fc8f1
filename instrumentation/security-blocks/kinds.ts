/** What a block is: its category and pattern, each pair one object, so that counting compares no texts. */
import { createLimiter } from '@vigil/hooking';
import { OTHER } from '@vigil/semconv';

/** What was refused, or would have been; the registry's closed set. */
export type SecurityCategory = 'sqli' | 'csrf' | 'rate_limit' | 'origin' | 'query_analysis' | 'authentication';

/** The categories in the order of their bits. */
export const securityCategories: readonly SecurityCategory[] = [
  'sqli',
  'csrf',
  'rate_limit',
  'origin',
  'query_analysis',
  'authentication',
];

export interface Kind {
  /** Counted from 0 in the order in which kinds are met. */
  readonly id: number;
  readonly category: SecurityCategory;
  readonly pattern: string | undefined;
}

export interface Kinds {
  /** The kind of a block; a pattern that is no plain lower-case name, or one too many, is `_OTHER`. */
  of(category: SecurityCategory, pattern: string | undefined): Kind;
}

/** Patterns are constants of whoever records; what is longer or has other signs may have come from a client. */
const PATTERN = /^[a-z][a-z0-9_]{0,63}$/;

export function createKinds(maxPatterns: number): Kinds {
  const limit = createLimiter(maxPatterns);
  let made = 0;
  const known = new Map<SecurityCategory, Map<string | undefined, Kind>>(
    securityCategories.map((category) => [category, new Map()]),
  );
  return {
    of(category, pattern) {
      const ofCategory = known.get(category)!;
      const found = ofCategory.get(pattern);
      if (found !== undefined) return found;
      const kept = pattern === undefined ? undefined : PATTERN.test(pattern) ? limit(pattern) : OTHER;
      let kind = ofCategory.get(kept);
      if (kind === undefined) {
        kind = { id: made++, category, pattern: kept };
        ofCategory.set(kept, kind);
      }
      return kind;
    },
  };
}
