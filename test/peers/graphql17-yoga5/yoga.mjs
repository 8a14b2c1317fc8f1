import { createServer } from 'node:http';
import { createSchema, createYoga } from 'graphql-yoga';
import { announce, resolvers, typeDefs } from '../shop.cjs';

const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false });
const server = createServer(yoga).listen(0, '127.0.0.1', () => announce(server.address().port, '/graphql'));
