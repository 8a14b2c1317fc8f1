import { buildSchema, graphql } from 'graphql';
import { serveJson, typeDefs, withResolvers } from '../shop.cjs';

const schema = withResolvers(buildSchema(typeDefs));
serveJson(({ query, variables }) => graphql({ schema, source: query, variableValues: variables }));
