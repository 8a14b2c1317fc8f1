const { buildSchema, graphql } = require('graphql');
const { typeDefs, withResolvers, serveJson } = require('../shop.cjs');

const schema = withResolvers(buildSchema(typeDefs));
serveJson(({ query, variables }) => graphql({ schema, source: query, variableValues: variables }));
