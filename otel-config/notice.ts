/**
 * Tells whoever runs the application, in one line on standard error, what they must know although they have not asked
 * for the SDK's diagnostics (`OTEL_LOG_LEVEL`). For few and once-only things.
 */
export function printNotice(line: string): void {
  process.stderr.write(`vigil: ${line.replaceAll(/\s*\n\s*/g, ' ')}\n`);
}
