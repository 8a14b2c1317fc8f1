const fastify = require('fastify');
const mercurius = require('mercurius');
const { typeDefs, resolvers, announce } = require('../shop.cjs');

const app = fastify();
// With JIT the second request of a text runs compiled.
app.register(mercurius, { schema: typeDefs, resolvers, jit: Number(process.env.JIT) });
app.listen({ port: 0, host: '127.0.0.1' }).then(() => announce(app.server.address().port, '/graphql'));
