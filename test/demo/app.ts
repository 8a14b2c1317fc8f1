/**
 * The application that the demo watches: a GraphQL server for a small carrier, with users, tours, records, reports and
 * files, and its background tasks. Nothing in it knows of telemetry; `node --import` brings that along. Of Vigil it uses
 * one plugin, against SQL injection, and the guards of its tasks.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention';
import { envelopSqlInjection } from '@vigil/instrumentation-security-blocks';
import { GraphQLError } from 'graphql';
import depthLimit from 'graphql-depth-limit';
import { createSchema, createYoga, type Plugin } from 'graphql-yoga';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { createDatabase, type Database, type Task, type User } from './database.ts';
import { startTasks } from './tasks.ts';

const LARGEST_FILE_BYTES = 5_000_000;
const FIRST_ROWS_OF_A_REPORT = 500;
const DEEPEST_QUERY = 4;
/** Where the carrier's own pages are. */
const ALLOWED_ORIGIN = 'https://tours.example';
/** What one address may send in ten seconds. */
const limiter = new RateLimiterMemory({ points: 30, duration: 10 });

const typeDefs = /* GraphQL */ `
  type Query {
    tasks(tour: String): [Task!]!
    health: String!
  }
  type Mutation {
    LoginUser(name: String!, password: String!): Session!
    LogoutUser(token: String!): Boolean!
    CreateJob(token: String!, title: String!): Task
    TaskTourUpdate(token: String!, id: ID!, tour: String!, version: Int!): Task
    InsertRecord(token: String!, table: String!, values: [String!]!): Int
    ReportMutation(token: String!, kind: String!): Report
    SecureFileUploadMutation(token: String!, name: String!, bytes: Int!): File
    AdhocMutation(token: String!, statement: String!): Int
  }
  type Session { token: String! user: User! }
  type User { id: ID! name: String! role: String! }
  type Task { id: ID! title: String! tour: String! status: String! version: Int! neighbours: [Task!]! }
  type Report { id: ID! kind: String! rows: Int! chart: String }
  type File { id: ID! name: String! bytes: Int! }
`;

/** A file that is too large for the application. */
class FileTooLarge extends Error {
  override readonly name = 'FileTooLarge';
}

const refusal = (message: string, code: string) => new GraphQLError(message, { extensions: { code } });

function userOf(database: Database, token: string): User {
  const user = database.sessions.get(token);
  if (user === undefined) throw refusal('Sign in first.', 'UNAUTHENTICATED');
  return user;
}

interface Arguments {
  readonly token: string;
  readonly id: string;
  readonly title: string;
  readonly name: string;
  readonly password: string;
  readonly tour: string;
  readonly version: number;
  readonly table: string;
  readonly values: readonly string[];
  readonly kind: string;
  readonly bytes: number;
}

function createResolvers(database: Database) {
  return {
    Query: {
      tasks: async (_: unknown, { tour }: Arguments) => {
        await database.access('look');
        return [...database.tasks.values()].filter((task) => tour === undefined || task.tour === tour);
      },
      health: () => 'well',
    },
    Mutation: {
      LoginUser: async (_: unknown, { name, password }: Arguments) => {
        await database.access('hash');
        const user = database.users.get(name);
        if (user?.password !== password) throw refusal('Name or password is wrong.', 'INVALID_CREDENTIALS');
        const token = randomUUID();
        database.sessions.set(token, user);
        return { token, user };
      },
      LogoutUser: async (_: unknown, { token }: Arguments) => {
        await database.access('look');
        return database.sessions.delete(token);
      },
      CreateJob: async (_: unknown, { token, title }: Arguments) => {
        userOf(database, token);
        await database.access('job');
        const id = `t${database.tasks.size}`;
        return { id, title, tour: 'north', status: 'open', version: 1 };
      },
      TaskTourUpdate: async (_: unknown, { token, id, tour, version }: Arguments) => {
        userOf(database, token);
        await database.access('write');
        const task = database.tasks.get(id);
        if (task === undefined) throw refusal('There is no such task.', 'NOT_FOUND');
        if (task.version !== version) throw refusal('Somebody else changed the task.', 'CONFLICT');
        task.tour = tour;
        task.version++;
        return task;
      },
      InsertRecord: async (_: unknown, { token, table, values }: Arguments) => {
        userOf(database, token);
        await database.access('write');
        const rows = (database.records.get(table) ?? 0) + values.length;
        database.records.set(table, rows);
        return rows;
      },
      ReportMutation: async (_: unknown, { token, kind }: Arguments) => {
        userOf(database, token);
        await database.access('report');
        return { id: randomUUID(), kind, rows: FIRST_ROWS_OF_A_REPORT };
      },
      SecureFileUploadMutation: async (_: unknown, { token, name, bytes }: Arguments) => {
        userOf(database, token);
        if (bytes > LARGEST_FILE_BYTES) throw new FileTooLarge(`at most ${LARGEST_FILE_BYTES} bytes`);
        await database.access('upload');
        const file = { id: randomUUID(), name, bytes };
        database.files.set(file.id, file);
        return file;
      },
      AdhocMutation: async (_: unknown, { token }: Arguments) => {
        if (userOf(database, token).role !== 'admin') throw refusal('Only administrators may.', 'PERMISSION_DENIED');
        await database.access('adhoc');
        return 1;
      },
    },
    Task: {
      neighbours: (task: Task) => [...database.tasks.values()].filter(({ id }) => id !== task.id).slice(0, 2),
    },
    Report: {
      // Charts come from a service that is not always there: the report then comes without one.
      chart: async ({ kind }: { kind: string }) => {
        await database.access('look');
        if (kind === 'monthly') throw refusal('The chart service does not answer.', 'CHART_SERVICE_UNAVAILABLE');
        return `charts/${kind}.svg`;
      },
    },
  };
}

const limitDepth: Plugin = { onValidate: ({ addValidationRule }) => addValidationRule(depthLimit(DEEPEST_QUERY)) };

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers: createResolvers(createDatabase()) }),
  plugins: [useCSRFPrevention(), limitDepth, envelopSqlInjection({ block: true })],
  cors: { origin: [ALLOWED_ORIGIN] },
  // What is refused is a part of the demo, and no news.
  logging: false,
  landingPage: false,
});

/** The proxy in front tells the client's address as the last one. */
function clientOf(request: IncomingMessage): string {
  const [forwarded = ''] = [request.headers['x-forwarded-for']].flat();
  return forwarded.split(',').at(-1)?.trim() || String(request.socket.remoteAddress);
}

const server = createServer(async (request, response) => {
  try {
    await limiter.consume(clientOf(request));
  } catch {
    response.writeHead(429, { 'Retry-After': '10' }).end('Too many requests.');
    return;
  }
  await yoga(request, response);
});
await startTasks(process.env['REDIS_URL'] || 'redis://127.0.0.1:6379');
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
