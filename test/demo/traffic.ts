/** People who use the application: a bounded number of requests a second, most of them sensible. */
import { setTimeout as delay } from 'node:timers/promises';

const REQUESTS_PER_SECOND = 15;
/** A slow application is not asked faster than it answers. */
const MOST_IN_FLIGHT = 30;

const NAMES = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Tony', 'Frances', 'Donald', 'Margaret'];
const ADMINS = ['Edsger', 'Frances'];
const TOURS = ['north', 'south', 'east', 'west'];

type Variables = Readonly<Record<string, unknown>>;
type Ask = (query: string, variables?: Variables) => Promise<Record<string, never>>;

/** One thing that people do, and how often in comparison. */
interface Habit {
  readonly weight: number;
  act(ask: Ask, tokens: ReadonlyMap<string, string>): Promise<unknown>;
}

const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(Math.random() * items.length)];
const happens = (share: number): boolean => Math.random() < share;
const anyToken = (tokens: ReadonlyMap<string, string>): string => pick([...tokens.values()]);
/** As the proxy in front tells it. */
const anyAddress = (): string => `198.51.100.${1 + Math.floor(Math.random() * 100)}`;
const anyTask = (): string => `t${Math.floor(Math.random() * 40)}`;

const habits: readonly Habit[] = [
  {
    weight: 4,
    act: (ask) => {
      const name = pick(NAMES);
      const password = happens(0.12) ? 'forgotten' : `${name}-secret`;
      return ask(
        'mutation ($name: String!, $password: String!) { LoginUser(name: $name, password: $password) { token } }',
        { name, password },
      );
    },
  },
  {
    weight: 2,
    act: (ask) => ask('mutation { LogoutUser(token: "of a session that ended long ago") }'),
  },
  {
    weight: 6,
    act: async (ask, tokens) => {
      const { tasks } = (await ask('{ tasks { id version } }')) as { tasks?: { id: string; version: number }[] };
      const task = pick(tasks ?? []);
      // Some look at a screen that is no longer true.
      const version = happens(0.08) ? (task?.version ?? 1) - 1 : task?.version;
      const variables = { token: anyToken(tokens), id: task?.id ?? anyTask(), tour: pick(TOURS), version };
      return ask(
        'mutation ($token: String!, $id: ID!, $tour: String!, $version: Int!) { TaskTourUpdate(token: $token, id: $id, tour: $tour, version: $version) { id version } }',
        variables,
      );
    },
  },
  {
    weight: 8,
    act: (ask, tokens) =>
      ask(
        `mutation ($token: String!) {
          ${happens(0.2) ? 'first: InsertRecord(token: $token, table: "stops", values: ["a"]) second:' : ''}
          InsertRecord(token: $token, table: "events", values: ["arrived", "left"])
        }`,
        { token: happens(0.03) ? 'nobody' : anyToken(tokens) },
      ),
  },
  {
    weight: 4,
    act: (ask, tokens) =>
      ask('mutation ($token: String!) { CreateJob(token: $token, title: "a pallet to Bergen") { id } }', {
        token: anyToken(tokens),
      }),
  },
  {
    weight: 3,
    act: (ask, tokens) =>
      ask(
        'mutation ($token: String!, $kind: String!) { ReportMutation(token: $token, kind: $kind) { id rows chart } }',
        {
          token: anyToken(tokens),
          kind: pick(['daily', 'daily', 'weekly', 'monthly']),
        },
      ),
  },
  {
    weight: 3,
    act: (ask, tokens) =>
      ask(
        'mutation ($token: String!, $bytes: Int!) { SecureFileUploadMutation(token: $token, name: "proof of delivery", bytes: $bytes) { id } }',
        { token: anyToken(tokens), bytes: happens(0.06) ? 9_000_000 : 200_000 },
      ),
  },
  {
    weight: 2,
    act: (ask, tokens) =>
      ask('mutation ($token: String!) { AdhocMutation(token: $token, statement: "close finished tours") }', {
        token: happens(0.1) ? tokens.get('Grace') : tokens.get(pick(ADMINS)),
      }),
  },
  { weight: 3, act: (ask) => ask('{ tasks(tour: "north") { id title status } }') },
];

const everyHabit = habits.flatMap((habit) => new Array<Habit>(habit.weight).fill(habit));

/** Makes traffic until the signal ends it. Answers that are errors are a part of it; no answer at all is not. */
export async function makeTraffic(url: string, signal: AbortSignal): Promise<void> {
  const ask: Ask = async (query, variables) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': anyAddress() },
      body: JSON.stringify({ query, variables }),
      signal,
    });
    const { data } = (await answer.json()) as { data?: Record<string, never> | null };
    return data ?? {};
  };
  const tokens = new Map<string, string>();
  for (const name of NAMES) {
    const query = `mutation { LoginUser(name: "${name}", password: "${name}-secret") { token } }`;
    const { LoginUser } = (await ask(query)) as { LoginUser?: { token: string } };
    if (LoginUser !== undefined) tokens.set(name, LoginUser.token);
  }
  let inFlight = 0;
  let failed: unknown;
  while (!signal.aborted && failed === undefined) {
    if (inFlight < MOST_IN_FLIGHT) {
      inFlight++;
      pick(everyHabit)
        .act(ask, tokens)
        .catch((error: unknown) => {
          failed = error;
        })
        .finally(() => {
          inFlight--;
        });
    }
    await delay((1000 / REQUESTS_PER_SECOND) * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
  }
  if (failed !== undefined && !signal.aborted) throw failed;
}
