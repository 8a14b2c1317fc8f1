/** Each framework twice, watching and refusing; the libraries come in as the caller has loaded them. */
const { createServer } = require('node:http');

const typeDefs = /* GraphQL */ `
  input Where { city: String }
  type Query { user(name: String, where: Where): Int }
  type Mutation { add(name: String): Int }
`;
const resolvers = { Query: { user: () => 1 }, Mutation: { add: () => 1 } };

/** Handlers answer with what they were sent: the middleware leaves bodies readable. */
const frameworks = {
  express({ express, expressSqlInjection }, options) {
    const app = express().use(express.json(), express.urlencoded({ extended: true }), expressSqlInjection(options));
    // A router rewrites the address.
    app.use(
      '/api',
      express.Router().use((request, response) => response.json({ body: request.body ?? null })),
    );
    return start(createServer(app));
  },
  async fastify({ fastify, fastifySqlInjection }, options) {
    const app = fastify();
    app.register(fastifySqlInjection, options);
    app.register(async (inner) => {
      inner.all('/api/*', async (request) => ({ body: request.body ?? null }));
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app.server.address().port;
  },
  koa({ Koa, bodyParser, koaSqlInjection }, options) {
    const app = new Koa().use(bodyParser()).use(koaSqlInjection(options));
    app.use((context) => {
      context.body = { body: context.request.body ?? null };
    });
    return start(createServer(app.callback()));
  },
  hono({ Hono, getRequestListener, honoSqlInjection }, options) {
    const app = new Hono().use(honoSqlInjection(options));
    app.all('/api/*', async (c) => c.json({ body: c.req.method === 'POST' ? await c.req.json() : null }));
    return start(createServer(getRequestListener(app.fetch)));
  },
  yoga({ createYoga, createSchema, envelopSqlInjection }, options) {
    const schema = createSchema({ typeDefs, resolvers });
    return start(createServer(createYoga({ schema, logging: false, plugins: [envelopSqlInjection(options)] })));
  },
  async apollo({ ApolloServer, startStandaloneServer, apolloSqlInjection }, options) {
    const server = new ApolloServer({
      typeDefs,
      resolvers,
      plugins: [apolloSqlInjection(options)],
      includeStacktraceInErrorResponses: false,
    });
    const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
    return Number(new URL(url).port);
  },
};

const start = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));

exports.listen = async (libraries) => {
  const ports = {};
  for (const [name, framework] of Object.entries(frameworks))
    for (const block of [false, true]) ports[block ? `${name}, block` : name] = await framework(libraries, { block });
  return ports;
};
