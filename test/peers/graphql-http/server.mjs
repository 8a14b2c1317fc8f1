import { createServer } from 'node:http';
import { buildSchema } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';
import { announce, typeDefs, withResolvers } from '../shop.cjs';

const server = createServer(createHandler({ schema: withResolvers(buildSchema(typeDefs)) }));
server.listen(0, '127.0.0.1', () => announce(server.address().port, '/'));
