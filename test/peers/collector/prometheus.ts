/** A real Prometheus that takes remote write, native histograms included, or scrapes. */

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, temporaryDirectory } from '../../support/aggregator.ts';
import { endWithUs } from '../../support/end-with-us.ts';
import { end, until } from './processes.ts';

export interface Prometheus {
  readonly url: string;
  /** The first number of an instant query; NaN while there is none. */
  number(query: string): Promise<number>;
  get(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

export function startReceivingPrometheus(): Promise<Prometheus> {
  const file = join(temporaryDirectory(), 'prometheus.yaml');
  writeFileSync(file, 'global: {}\n');
  return startPrometheus(file, ['--web.enable-remote-write-receiver']);
}

export async function startPrometheus(file: string, more: readonly string[] = []): Promise<Prometheus> {
  const address = `127.0.0.1:${await freePort()}`;
  const args = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(temporaryDirectory(), 'data')}`,
    `--web.listen-address=${address}`,
    '--enable-feature=exemplar-storage,native-histograms',
    '--log.level=error',
  ];
  const child = spawn('prometheus', [...args, ...more], { stdio: ['ignore', 'ignore', 'inherit'] });
  endWithUs(child);
  const url = `http://${address}`;
  const get = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
  await until('Prometheus is ready', async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus ended with ${child.exitCode}`);
    return (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok === true;
  });
  return {
    url,
    get,
    async number(query) {
      const answer = (await get(`/api/v1/query?${new URLSearchParams({ query })}`)) as {
        data?: { result: readonly { value: readonly [number, string] }[] };
      };
      return Number(answer.data?.result[0]?.value[1] ?? Number.NaN);
    },
    stop: () => end(child, 'SIGTERM'),
  };
}
