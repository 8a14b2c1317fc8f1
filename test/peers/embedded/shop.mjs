// What the application does itself: one mutation.
import { buildSchema, graphql } from 'graphql';

const schema = buildSchema('type Query { a: Int } type Mutation { pay: Int }');
export const pay = () => graphql({ schema, source: 'mutation { pay }', rootValue: { pay: () => 1 } });
