/**
 * Metric families as text: Prometheus 0.0.4, or OpenMetrics 1.0, which names a counter's family without `_total`, wants
 * whole thresholds written as `1.0`, allows exemplars and ends with `# EOF`.
 */
import type { Exemplar, Labels, MetricFamily, Sample } from '../metrics.ts';

export type Dialect = 'prometheus' | 'openmetrics';

export function renderFamilies(families: readonly MetricFamily[], dialect: Dialect): string {
  // One text that grows: a scrape has ten thousand lines, and a list of them costs a fifth more.
  let text = '';
  for (const family of families) {
    const header = dialect === 'openmetrics' ? family.name.replace(/_total$/, '') : family.name;
    text += `# HELP ${header} ${escapeHelp(family.help, dialect)}\n# TYPE ${header} ${family.type}\n`;
    for (const sample of family.samples) text += `${renderSample(family.name, sample, dialect)}\n`;
  }
  return dialect === 'openmetrics' ? `${text}# EOF\n` : text;
}

function renderSample(family: string, { suffix, labels, value, exemplar }: Sample, dialect: Dialect): string {
  const line = `${family}${suffix ?? ''}${renderLabels(labels, dialect)} ${renderNumber(value)}`;
  return exemplar !== undefined && dialect === 'openmetrics' ? `${line} ${renderExemplar(exemplar)}` : line;
}

function renderLabels(labels: Labels, dialect: Dialect): string {
  if (labels.length === 0) return '';
  let text = '';
  for (const [name, value] of labels) {
    const shown = dialect === 'openmetrics' && name === 'le' && /^\d+$/.test(value) ? `${value}.0` : value;
    text += `${text === '' ? '{' : ','}${name}="${escapeLabel(shown)}"`;
  }
  return `${text}}`;
}

function renderExemplar({ labels, value, unixSeconds }: Exemplar): string {
  const pairs = labels.map(([name, text]) => `${name}="${escapeLabel(text)}"`);
  return `# {${pairs.join(',')}} ${renderNumber(value)} ${unixSeconds.toFixed(3)}`;
}

function renderNumber(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}

function escapeLabel(text: string): string {
  // Almost no value has anything to escape.
  if (!/[\\"\n]/.test(text)) return text;
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function escapeHelp(text: string, dialect: Dialect): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return dialect === 'openmetrics' ? escaped.replaceAll('"', '\\"') : escaped;
}
