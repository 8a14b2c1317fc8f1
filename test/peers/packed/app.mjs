// An application that has installed the packages: two mutations, one of which fails.
import { buildSchema, graphql } from 'graphql';

const schema = buildSchema('type Query { a: Int } type Mutation { login(ok: Boolean!): Int }');
const rootValue = {
  login({ ok }) {
    if (!ok) throw new TypeError('refused');
    return 1;
  },
};
for (const ok of [true, false]) await graphql({ schema, source: `mutation { login(ok: ${ok}) }`, rootValue });
