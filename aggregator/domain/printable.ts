/**
 * Controls, line separators, and what turns the text behind it around. In a name that came with telemetry these would
 * move a terminal's cursor, begin lines that nobody wrote, or show another name.
 */
const UNPRINTABLE = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;

/**
 * Text for people, who see which character stood there: `\u001b`. Names are stored, and answered as JSON and in Prometheus'
 * format, as they came, since each of these has an escaping of its own. In a text of JSON it is that very escaping.
 */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
