/** The requests that every server gets, and what becomes of them; the schema is that of shop.cjs. */

/** One mutation: name, outcome, and the error type where there is one. */
export type Outcome = readonly [name: string, outcome: 'success' | 'partial' | 'failure', errorType?: string];

interface Wave {
  readonly times: number;
  readonly query: string;
  readonly mutations: readonly Outcome[];
  /** Type and outcome, as `vigil.graphql.requests` has them. */
  readonly request: `${'query' | 'mutation'} ${'ok' | 'error'}`;
}

const coded: Outcome = ['coded', 'failure', 'QUOTA_EXCEEDED'];
const declined: Outcome = ['declined', 'failure', 'PaymentDeclined'];
const partial: Outcome = ['partial', 'partial', 'RangeError'];
const succeed: Outcome = ['succeed', 'success'];
const later: Outcome = ['later', 'success'];

export const traffic: readonly Wave[] = [
  { times: 12, query: 'mutation { succeed { id } }', mutations: [succeed], request: 'mutation ok' },
  { times: 9, query: 'mutation Named { later { id } }', mutations: [later], request: 'mutation ok' },
  { times: 5, query: 'mutation { coded { id } }', mutations: [coded], request: 'mutation error' },
  { times: 4, query: 'mutation { declined { id } }', mutations: [declined], request: 'mutation error' },
  { times: 3, query: 'mutation { partial { id broken } }', mutations: [partial], request: 'mutation error' },
  { times: 2, query: 'mutation { slow { id } }', mutations: [['slow', 'success']], request: 'mutation ok' },
  {
    times: 6,
    query: 'mutation { a: succeed { id } b: succeed { id } c: coded { id } d: later { id } e: declined { id } }',
    mutations: [succeed, succeed, coded, later, declined],
    request: 'mutation error',
  },
  {
    times: 3,
    query:
      'mutation { ...Both } fragment Both on Mutation { later { id } x: partial { ...I } } fragment I on Item { broken }',
    mutations: [later, partial],
    request: 'mutation error',
  },
  { times: 7, query: '{ item { id } }', mutations: [], request: 'query ok' },
  { times: 4, query: '{ item { id broken } }', mutations: [], request: 'query error' },
  { times: 1, query: 'mutation { succeed { id }', mutations: [], request: 'mutation error' },
  { times: 1, query: 'mutation { nothing }', mutations: [], request: 'mutation error' },
  { times: 1, query: '{ nothing }', mutations: [], request: 'query error' },
];

/** Every mutation that the traffic makes. */
export const outcomes: readonly Outcome[] = traffic.flatMap(({ times, mutations }) =>
  Array<readonly Outcome[]>(times).fill(mutations).flat(),
);

/** How often each key comes, most first and then by name, as the aggregator orders its breakdowns. */
export function countBy<Item>(items: readonly Item[], key: (item: Item) => string | undefined): Record<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) {
    const own = key(item);
    if (own !== undefined) counts.set(own, (counts.get(own) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}

/** Sends all of it, a few requests at a time, and waits for the answers. */
export async function send(url: string): Promise<void> {
  const queries = traffic.flatMap(({ times, query }) => Array<string>(times).fill(query));
  const sender = async (): Promise<void> => {
    for (let query = queries.shift(); query !== undefined; query = queries.shift()) {
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      await (await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) })).text();
    }
  };
  await Promise.all(Array.from({ length: 4 }, sender));
}
