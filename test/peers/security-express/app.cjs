/** One route for each library on Express; the libraries come in as the caller has loaded them. */
exports.createApp = ({ express, rateLimit, flexible, csurf, doubleCsrf, cookieParser, cors }) => {
  const app = express();
  app.set('trust proxy', 1);
  app.set('env', 'production');
  app.use(cookieParser());
  const well = (_request, response) => response.send('well');

  app.use('/limit', rateLimit({ windowMs: 60_000, limit: 1 }));
  app.use('/limit-own', rateLimit({ limit: 1, handler: (_request, response) => response.status(503).send('later') }));
  app.use('/limit-told', rateLimit({ limit: 1, handler: (_request, _response, next) => next() }));

  const memory = new flexible.RateLimiterMemory({ points: 1, duration: 60 });
  app.use('/flexible', (request, response, next) =>
    memory.consume(request.ip).then(
      () => next(),
      () => response.status(429).send('Too Many'),
    ),
  );
  const bursty = new flexible.BurstyRateLimiter(
    new flexible.RateLimiterMemory({ points: 1, duration: 60 }),
    new flexible.RateLimiterMemory({ keyPrefix: 'burst', points: 1, duration: 60 }),
  );
  app.use('/bursty', (request, response, next) =>
    bursty.consume(request.ip).then(
      () => next(),
      () => response.status(429).send('Too Many'),
    ),
  );

  app.use('/csurf', csurf({ cookie: true }));
  const { doubleCsrfProtection } = doubleCsrf({
    getSecret: () => 'a secret of this test',
    getSessionIdentifier: () => '',
  });
  app.use('/csrf-csrf', doubleCsrfProtection);

  app.use('/cors', cors({ origin: ['https://shop.example'] }));
  app.use('/cors-off', cors({ origin: (_origin, done) => done(null, false) }));
  app.use(
    '/cors-error',
    cors({ origin: (origin, done) => (origin === 'https://shop.example' ? done(null, true) : done(new Error('no'))) }),
  );
  app.use('/busy', (_request, response) => response.status(429).send('busy'));
  app.all(/.*/, well);
  app.use((error, _request, response, _next) => response.status(error.status ?? 500).send(error.message));
  return app;
};
