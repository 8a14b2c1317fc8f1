const { createServer } = require('node:http');
const { createSchema, createYoga } = require('graphql-yoga');
const { typeDefs, resolvers, announce } = require('../shop.cjs');

const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false });
const server = createServer(yoga).listen(0, '127.0.0.1', () => announce(server.address().port, '/graphql'));
