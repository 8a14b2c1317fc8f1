import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The variables of the process on top of those of a `.env` file, where there is one.
 * @throws when the file is there and cannot be read
 */
export function readEnvironment(directory: string, env: Environment): Environment {
  let text: string;
  try {
    text = readFileSync(join(directory, '.env'), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return env;
    throw error;
  }
  return { ...parseEnv(text), ...env };
}
