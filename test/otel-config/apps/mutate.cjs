// The same as mutate.ts, as a CommonJS application.
'use strict';
const { buildSchema, graphql } = require('graphql');

const schema = buildSchema('type Query { a: Int } type Mutation { login(ok: Boolean!): Int }');
const rootValue = {
  a: 1,
  login({ ok }) {
    if (!ok) throw new TypeError('refused');
    return 1;
  },
};
async function main() {
  for (const ok of [true, true, false]) await graphql({ schema, source: `mutation { login(ok: ${ok}) }`, rootValue });
  await graphql({ schema, source: '{ a }', rootValue });
}
main();
