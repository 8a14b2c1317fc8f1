/** The values of a request one by one, each with its name: what is looked at, and within which bounds. */

/** Where a value stands in a request. */
export type Place = 'path' | 'query' | 'cookie' | 'header' | 'body' | 'variable' | 'literal';

/** @returns whether to go on */
export type VisitLeaf = (place: Place, name: string, value: string) => boolean;

/** Values of a request that are looked at; the rest is let pass. */
export const MAX_VALUES = 200;
/** Objects, arrays and values that are walked over to find them. */
const MAX_NODES = 10 * MAX_VALUES;
const MAX_DEPTH = 16;
/** JSON within a text is read up to this length; a longer text is one value. */
const MAX_JSON_CHARACTERS = 65_536;

/** Fields that hold secrets, by their names: nothing of them is looked at. */
const SECRET =
  /pass(?:word|wd|code|phrase)|pwd|secret|token|credential|authorization|(?:api|private|access)[-_.]?key|session|(?:^|[-_.])(?:pass|sid|otp|pin|cvv|cvc)$/i;
const SECRET_END = /[a-z](?:Pass|Sid|Otp|Pin|Cvv|Cvc)$/;

export interface Walk {
  /** Visits the texts within a value; `name` is the field that holds it. */
  over(place: Place, name: string, value: unknown): void;
  /** Whether nothing more will be visited: the visitor has ended it, or a bound is met. */
  readonly ended: boolean;
}

/**
 * @param visit meets each text, at most `MAX_VALUES` of them; names of nested fields are joined by points, arrays add none
 * @param skips fields that are not looked at beside those that hold secrets, by place and own name
 */
export function walkLeaves(visit: VisitLeaf, skips?: (place: Place, name: string) => boolean): Walk {
  let values = 0;
  let nodes = 0;
  let ended = false;

  function over(place: Place, name: string, value: unknown, depth: number): void {
    if (ended || depth > MAX_DEPTH) return;
    if (++nodes > MAX_NODES) ended = true;
    else if (typeof value === 'string') overText(place, name, value, depth);
    else if (Array.isArray(value)) for (const one of value) over(place, name, one, depth + 1);
    else if (typeof value === 'object' && value !== null) overFields(place, name, value, depth);
  }

  function overText(place: Place, name: string, text: string, depth: number): void {
    const document = jsonOf(text);
    if (document !== undefined) over(place, name, document, depth + 1);
    else if (++values > MAX_VALUES || !visit(place, name, text)) ended = true;
  }

  function overFields(place: Place, name: string, fields: object, depth: number): void {
    // Of a Map, a Date, a stream there are none.
    for (const field of Object.keys(fields)) {
      if (ended) return;
      if (!isSkipped(place, field))
        over(place, name === '' ? field : `${name}.${field}`, (fields as Record<string, unknown>)[field], depth + 1);
    }
  }

  function isSkipped(place: Place, field: string): boolean {
    return SECRET.test(field) || SECRET_END.test(field) || skips?.(place, field) === true;
  }

  return {
    over(place, name, value) {
      if (!isSkipped(place, name)) over(place, name, value, 0);
    },
    get ended() {
      return ended;
    },
  };
}

/** What a text of JSON holds, so that its values are looked at and never the whole; undefined for any other text. */
function jsonOf(text: string): object | undefined {
  const ends = `${text[0]}${text.at(-1)}`;
  if ((ends !== '{}' && ends !== '[]') || text.length > MAX_JSON_CHARACTERS) return undefined;
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}
