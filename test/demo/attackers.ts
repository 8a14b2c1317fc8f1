/**
 * Those who mean no good: a bounded number of attacks a second, from addresses of their own, as the proxy in front of the
 * application tells them. What becomes of them is the application's affair.
 */
import { setTimeout as delay } from 'node:timers/promises';

const ATTACKS_PER_SECOND = 3;
/** More than the application lets one address send in its time. */
const FLOOD_REQUESTS = 45;

const EVIL = 'https://evil.example';
const JSON_TYPE = { 'Content-Type': 'application/json' };

/** @param client an address of 203.0.113.0/24, whose last part this is */
type Send = (client: number, init: RequestInit) => Promise<unknown>;

interface Attack {
  readonly weight: number;
  act(send: Send): Promise<unknown>;
}

const among = (first: number, count: number): number => first + Math.floor(Math.random() * count);
const asking = (query: string): RequestInit => ({
  method: 'POST',
  headers: JSON_TYPE,
  body: JSON.stringify({ query }),
});

function deepQuery(depth: number): string {
  return `{ tasks ${'{ neighbours '.repeat(depth)}{ id } ${'} '.repeat(depth)}}`;
}

/** One try of a class of SQL injection each, where a name is asked for. */
const injections: readonly string[] = [
  "' union select password, null from users --",
  "' or 1=1 --",
  "' and sleep(5) --",
  "'; drop table users; --",
];

function signingIn(name: string): RequestInit {
  const query = 'mutation ($name: String!) { LoginUser(name: $name, password: "x") { token } }';
  return { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ query, variables: { name } }) };
}

export const attacks: readonly Attack[] = [
  // Somebody with a tool that tries every class, from a few addresses.
  ...injections.map((text, i): Attack => ({ weight: 1, act: (send) => send(50 + i, signingIn(text)) })),
  // A form on another site, sent by the browser of somebody who is signed in.
  {
    weight: 3,
    act: (send) => {
      const body = JSON.stringify({ query: 'mutation { LogoutUser(token: "whatever") }' });
      return send(among(10, 3), { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body });
    },
  },
  // A script on another site, and the question that a browser asks before.
  {
    weight: 2,
    act: (send) => send(among(20, 4), { ...asking('{ health }'), headers: { ...JSON_TYPE, Origin: EVIL } }),
  },
  {
    weight: 2,
    act: (send) => {
      const headers = { Origin: EVIL, 'Access-Control-Request-Method': 'POST' };
      return send(among(20, 4), { method: 'OPTIONS', headers });
    },
  },
  { weight: 3, act: (send) => send(among(30, 2), asking(deepQuery(among(6, 10)))) },
  {
    weight: 1,
    act: async (send) => {
      const client = among(40, 2);
      for (let i = 0; i < FLOOD_REQUESTS; i++) await send(client, asking('{ health }'));
    },
  },
];

const everyAttack = attacks.flatMap((attack) => new Array<Attack>(attack.weight).fill(attack));

/** Attacks until the signal ends it, one after the other. */
export async function makeAttacks(url: string, signal: AbortSignal): Promise<void> {
  const send: Send = async (client, init) => {
    const headers = { ...init.headers, 'X-Forwarded-For': `203.0.113.${client}` };
    const answer = await fetch(url, { ...init, headers, signal });
    await answer.arrayBuffer();
  };
  try {
    while (!signal.aborted) {
      await everyAttack[Math.floor(Math.random() * everyAttack.length)]!.act(send);
      await delay((1000 / ATTACKS_PER_SECOND) * (0.5 + Math.random()), undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
