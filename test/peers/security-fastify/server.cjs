const { announce } = require('../announce.cjs');
const { listen } = require('./app.cjs');

const libraries = {
  fastify: require('fastify'),
  rateLimit: require('@fastify/rate-limit'),
  csrfProtection: require('@fastify/csrf-protection'),
  cookie: require('@fastify/cookie'),
  cors: require('@fastify/cors'),
};
listen(libraries).then(announce);
