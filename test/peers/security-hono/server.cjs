const { announce } = require('../announce.cjs');
const { listen } = require('./app.cjs');

const { Hono } = require('hono');
const { serve } = require('@hono/node-server');
const { cors } = require('hono/cors');
const { csrf } = require('hono/csrf');
const { rateLimiter } = require('hono-rate-limiter');
listen({ Hono, serve, csrf, cors, rateLimiter }, announce);
