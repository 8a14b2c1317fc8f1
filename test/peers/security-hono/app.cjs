/** One route for each library on Hono; the libraries come in as the caller has loaded them. */
exports.listen = ({ Hono, serve, csrf, cors, rateLimiter }, announce) => {
  const app = new Hono();
  const keyGenerator = (c) => c.req.header('x-forwarded-for');
  app.use('/limit', rateLimiter({ limit: 1, keyGenerator }));
  app.use('/limit-own', rateLimiter({ limit: 1, keyGenerator, handler: (c) => c.text('later', 503) }));
  app.use('/csrf', csrf());
  app.use('/cors', cors({ origin: 'https://shop.example' }));
  app.use('/cors-list', cors({ origin: ['https://shop.example'] }));
  app.all('/busy', (c) => c.text('busy', 429));
  app.all('*', (c) => c.text('well'));
  serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => announce({ hono: port }));
};
