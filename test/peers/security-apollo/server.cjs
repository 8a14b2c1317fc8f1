const { announce } = require('../announce.cjs');
const { listen } = require('./app.cjs');

const libraries = {
  ...require('@apollo/server'),
  ...require('@apollo/server/standalone'),
  ...require('@escape.tech/graphql-armor'),
  ...require('@graphql-tools/schema'),
  depthLimit: require('graphql-depth-limit'),
  complexity: require('graphql-query-complexity'),
  ...require('graphql-rate-limit'),
  ...require('graphql-rate-limit-directive'),
};
listen(libraries).then(announce);
