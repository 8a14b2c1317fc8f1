import { serve } from '@hono/node-server';
import { createSchema, createYoga } from 'graphql-yoga';
import { Hono } from 'hono';

const typeDefs = `
  type Query { jobs: Int! }
  type Mutation { createJob(title: String!): ID! }
`;
let jobs = 0;
const resolvers = {
  Query: { jobs: () => jobs },
  Mutation: {
    createJob: (_, { title }) => {
      if (title === '') throw new Error('a job needs a title');
      return String(++jobs);
    },
  },
};

const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false });
const app = new Hono();
app.all('/graphql', (context) => yoga.fetch(context.req.raw));
serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' });
