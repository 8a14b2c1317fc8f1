/** Runs one set of checks against real libraries and servers: `npm run peers -- NAME`. Without a name it lists them. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const runners: Readonly<Record<string, () => Promise<unknown>>> = {
  mutations: () => import('./mutations.ts'),
  embedded: () => import('./embedded.ts'),
  packed: () => import('./packed.ts'),
  newcomers: () => import('./newcomers.ts'),
  documents: () => import('./documents.ts'),
  history: () => import('./history.ts'),
  stores: () => import('./stores.ts'),
  parity: () => import('./parity.ts'),
  sloth: () => import('./sloth.ts'),
  guards: () => import('./guards.ts'),
  kill: () => import('./kill.ts'),
  collector: () => import('./collector.ts'),
  page: () => import('./page.ts'),
  openapi: () => import('./openapi.ts'),
  alerts: () => import('./alerts.ts'),
  dashboards: () => import('./dashboards.ts'),
  'security-blocks': () => import('./security-blocks.ts'),
  'task-locks': () => import('./task-locks.ts'),
  'security-middlewares': () => import('./security-middlewares.ts'),
};

// No aggregator that is started here announces itself to the applications of whoever runs this.
process.env['XDG_STATE_HOME'] = join(tmpdir(), `vigil-state-${process.pid}`);

const name = process.argv.splice(2, 1)[0];
const run = name === undefined ? undefined : runners[name];
if (run !== undefined) await run();
else {
  if (name !== undefined) process.exitCode = 1;
  const known = Object.keys(runners).join(', ');
  console.log(name === undefined ? `Peers: ${known}` : `There are no peers ${name}. There are: ${known}`);
}
