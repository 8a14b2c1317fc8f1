/** A real PostgreSQL of a test's own, of whatever version is installed. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, temporaryDirectory } from './aggregator.ts';

export interface PostgresServer {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<PostgresServer> {
  const bin = binaries();
  const parent = temporaryDirectory();
  const directory = join(parent, 'data');
  mkdirSync(directory, { mode: 0o700 });
  const user = otherUser();
  if (user !== undefined) for (const path of [parent, directory]) chownSync(path, user.uid, user.gid);
  const options = { cwd: parent, env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' }, ...user };
  await promisify(execFile)(join(bin, 'initdb'), ['-A', 'trust', '-U', 'vigil', '--no-sync', '-D', directory], {
    ...options,
    timeout: 60_000,
  });
  const port = await freePort();
  const quiet = ['-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1', '-k', parent];
  const child = spawn(join(bin, 'postgres'), ['-D', directory, '-p', String(port), ...quiet], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  let said = '';
  const end = (): void => void child.kill('SIGQUIT');
  process.once('exit', end);
  void exited.then(() => process.off('exit', end));
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`PostgreSQL is not ready: ${said}`)), 30_000);
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk;
      if (said.includes('ready to accept connections')) {
        clearTimeout(timer);
        resolve();
      }
    });
    void exited.then(() => reject(new Error(`PostgreSQL ended: ${said}`)));
  });
  return {
    url: `postgres://vigil@127.0.0.1:${port}/postgres`,
    async stop() {
      child.kill('SIGINT');
      await exited;
    },
  };
}

/** Debian keeps them off the path. */
function binaries(): string {
  const onPath = (process.env['PATH'] ?? '').split(':').map((directory) => join(directory, 'initdb'));
  const found = globSync([...onPath, '/usr/lib/postgresql/*/bin/initdb'])[0];
  if (found === undefined) throw new Error("there is no PostgreSQL: install Debian's postgresql");
  return dirname(found);
}

/** PostgreSQL does not run as root. */
function otherUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const line = /^(?:postgres|nobody):[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  if (line === null) throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody');
  return { uid: Number(line[1]), gid: Number(line[2]) };
}
