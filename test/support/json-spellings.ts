/** One OTLP/JSON message in the spellings that mean the same. */

/** As exporters write it: no white space, and names for what is no finite number. */
export function plainJson(message: object): string {
  return JSON.stringify(message, (_, value) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}

/**
 * With its fields in any order, white space, escaped characters, numbers in quotes and without, null for absent fields.
 * @param random numbers in [0, 1)
 */
export function spelledJson(message: object, random: () => number): string {
  const space = () => ['', '', '', ' ', '\n\t', '\r\n  '][Math.floor(random() * 6)];
  const text = (value: string) => {
    if (random() < 0.8) return JSON.stringify(value);
    return `"${[...value].map((char) => (char.length > 1 ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)).join('')}"`;
  };
  // The number of an enumeration in quotes would be one of its names.
  const number = (value: number, name: string) => {
    if (!Number.isFinite(value) || (name !== 'aggregationTemporality' && random() < 0.3)) return `"${value}"`;
    return random() < 0.2 ? value.toExponential() : String(value);
  };
  const spell = (value: unknown, of = ''): string => {
    if (typeof value === 'string') return text(value);
    if (typeof value === 'number') return number(value, of);
    if (Array.isArray(value)) return `[${value.map((item) => space() + spell(item) + space()).join(',')}]`;
    if (typeof value !== 'object' || value === null) return String(value);
    const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
    const order = fields.map((field) => ({ field, at: random() })).sort((a, b) => a.at - b.at);
    const spelled = order.map(({ field: [name, inner] }) => `${text(name)}${space()}:${space()}${spell(inner, name)}`);
    return `{${[...spelled, ...(random() < 0.2 ? [`${space()}"schemaUrl":null`] : [])].join(',')}}`;
  };
  return spell(message);
}
