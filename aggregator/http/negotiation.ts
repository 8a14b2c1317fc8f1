/** Content negotiation by `Accept` and `Accept-Encoding` (RFC 9110, sections 12.5.1 and 12.5.3). */

interface Range {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** 0 to 1. */
  readonly q: number;
}

/** Most ranges of one header that are looked at. */
const MAX_RANGES = 32;

/** Exactly what a Prometheus server asks for and accepts. */
export const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8';
export const OPENMETRICS_TEXT = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** Whether an answer in JSON is acceptable. A client that asks for problem details alone gets its answers as JSON. */
export function acceptsJson(accept: string | undefined): boolean {
  const ranges = parse(accept);
  return quality(ranges, 'application/json') > 0 || named(ranges, 'application/problem+json') !== undefined;
}

/** Whether problem details were asked for by name, and JSON by name neither rather nor earlier. */
export function prefersProblem(accept: string | undefined): boolean {
  const ranges = parse(accept);
  const problem = named(ranges, 'application/problem+json');
  if (problem === undefined || problem.q === 0) return false;
  const json = named(ranges, 'application/json');
  if (json === undefined) return problem.q >= quality(ranges, 'application/json');
  return problem.q > json.q || (problem.q === json.q && ranges.indexOf(problem) < ranges.indexOf(json));
}

/** The content type of an exposition: OpenMetrics only where it is asked for by name, undefined when neither will do. */
export function expositionType(
  accept: string | undefined,
): typeof PROMETHEUS_TEXT | typeof OPENMETRICS_TEXT | undefined {
  const ranges = parse(accept);
  const text = quality(ranges, 'text/plain', { version: '0.0.4' });
  const asked = ranges.filter(({ type, parameters }) => type === 'application/openmetrics-text' && fits(parameters));
  const openMetrics = Math.max(0, ...asked.map(({ q }) => q));
  if (openMetrics > 0 && openMetrics >= text) return OPENMETRICS_TEXT;
  return text > 0 ? PROMETHEUS_TEXT : undefined;
}

/** Whether gzip was named by whoever asks, and not refused. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  return (named(parse(acceptEncoding), 'gzip')?.q ?? 0) > 0;
}

function fits(parameters: Range['parameters']): boolean {
  const version = parameters.get('version') ?? '1.0.0';
  return version === '1.0.0' && (parameters.get('charset') ?? 'utf-8') === 'utf-8';
}

function parse(accept: string | undefined): Range[] {
  if (accept === undefined || accept.trim() === '') return [{ type: '*/*', parameters: new Map(), q: 1 }];
  return accept.split(',', MAX_RANGES).map((entry) => {
    const [type, ...rest] = entry.split(';').map((part) => part.trim().toLowerCase());
    const parameters = new Map(rest.map((part) => part.split('=', 2).map((side) => side.trim()) as [string, string]));
    const q = Number(parameters.get('q') ?? 1);
    return { type, parameters, q: q >= 0 && q <= 1 ? q : 0 };
  });
}

function named(ranges: readonly Range[], type: string): Range | undefined {
  return ranges.find((range) => range.type === type);
}

/** The quality of the most specific range that takes the type. */
function quality(ranges: readonly Range[], type: string, parameters: Readonly<Record<string, string>> = {}): number {
  const taking = ranges.filter(
    (range) =>
      range.type !== type ||
      Object.entries(parameters).every(([name, value]) => (range.parameters.get(name) ?? value) === value),
  );
  const specific = [type, `${type.split('/', 1)[0]}/*`, '*/*'];
  for (const wanted of specific) {
    const found = taking.filter((range) => range.type === wanted);
    if (found.length > 0) return Math.max(...found.map(({ q }) => q));
  }
  return 0;
}
