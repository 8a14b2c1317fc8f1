const { ApolloServer } = require('@apollo/server');
const { startStandaloneServer } = require('@apollo/server/standalone');
const { typeDefs, resolvers, announce } = require('../shop.cjs');

// A plugin that sees fields makes Apollo wrap every resolver, around or within ours.
const plugin = {
  requestDidStart: async () => ({ executionDidStart: async () => ({ willResolveField: () => () => {} }) }),
};
const server = new ApolloServer({ typeDefs, resolvers, plugins: [plugin] });
startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } }).then(({ url }) =>
  announce(new URL(url).port, '/'),
);
