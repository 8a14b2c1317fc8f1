const { announce } = require('../announce.cjs');
const { listen } = require('./app.cjs');

const { createSchema, createYoga } = require('graphql-yoga');
const { useCSRFPrevention } = require('@graphql-yoga/plugin-csrf-prevention');
const { EnvelopArmor } = require('@escape.tech/graphql-armor');
listen(
  { createSchema, createYoga, useCSRFPrevention, EnvelopArmor, depthLimit: require('graphql-depth-limit') },
  announce,
);
