const express = require('express');
const { announce } = require('../announce.cjs');
const { createApp } = require('./app.cjs');

const app = createApp({
  express,
  rateLimit: require('express-rate-limit'),
  flexible: require('rate-limiter-flexible'),
  csurf: require('csurf'),
  doubleCsrf: require('csrf-csrf').doubleCsrf,
  cookieParser: require('cookie-parser'),
  cors: require('cors'),
});
const server = app.listen(0, '127.0.0.1', () => announce({ express: server.address().port }));
