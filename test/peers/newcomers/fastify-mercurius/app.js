import Fastify from 'fastify';
import mercurius from 'mercurius';

const schema = `
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

const app = Fastify();
app.register(mercurius, { schema, resolvers });
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
