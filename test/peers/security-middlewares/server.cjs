const { listen } = require('./app.cjs');

const libraries = {
  ...require('@vigil/instrumentation-security-blocks'),
  ...require('@apollo/server'),
  ...require('@apollo/server/standalone'),
  ...require('@hono/node-server'),
  ...require('@koa/bodyparser'),
  ...require('graphql-yoga'),
  ...require('hono'),
  express: require('express'),
  fastify: require('fastify'),
  Koa: require('koa'),
};
listen(libraries).then((ports) => console.log(`listening ${JSON.stringify(ports)}`));
