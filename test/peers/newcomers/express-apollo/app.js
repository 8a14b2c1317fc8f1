const { ApolloServer } = require('@apollo/server');
const { expressMiddleware } = require('@as-integrations/express5');
const express = require('express');

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

async function main() {
  const server = new ApolloServer({ typeDefs, resolvers });
  await server.start();
  const app = express();
  app.use('/graphql', express.json(), expressMiddleware(server));
  app.listen(Number(process.env.PORT), '127.0.0.1');
}

main();
