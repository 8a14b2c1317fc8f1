import fastify from 'fastify';
import mercurius from 'mercurius';
import { announce, resolvers, typeDefs } from '../shop.cjs';

const app = fastify();
app.register(mercurius, { schema: typeDefs, resolvers, jit: Number(process.env.JIT) });
await app.listen({ port: 0, host: '127.0.0.1' });
announce(app.server.address().port, '/graphql');
