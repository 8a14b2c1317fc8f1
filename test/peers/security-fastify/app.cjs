/** One route for each library on Fastify; the libraries come in as the caller has loaded them. */
exports.listen = async ({ fastify, rateLimit, csrfProtection, cookie, cors }) => {
  const app = fastify({ trustProxy: 1 });
  await app.register(rateLimit, { global: false });
  await app.register(cookie);
  await app.register(csrfProtection);
  const well = async () => 'well';
  app.get('/limit', { config: { rateLimit: { max: 1 } } }, well);
  const told = [];
  app.get(
    '/limit-own',
    { config: { rateLimit: { max: 1, onExceeded: (_, key) => told.push(key) } } },
    async () => told,
  );
  app.get('/ban', { config: { rateLimit: { max: 1, ban: 0 } } }, well);
  app.get('/csrf', async (_request, reply) => ({ hasToken: reply.generateCsrf().length > 0 }));
  app.post('/csrf', { onRequest: app.csrfProtection }, well);
  await app.register(async (scope) => {
    await scope.register(cors, { origin: ['https://shop.example'] });
    scope.get('/cors', well);
  });
  app.get('/busy', async (_request, reply) => reply.code(429).send('busy'));
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { fastify: app.server.address().port };
};
