// The same as app.mjs in CommonJS; everything can be required, too.
'use strict';
const { buildSchema, graphql } = require('graphql');
const { flush } = require('@vigil/otel-config');
const { metrics } = require('@vigil/semconv');

const schema = buildSchema('type Query { a: Int } type Mutation { login(ok: Boolean!): Int }');
const rootValue = {
  login({ ok }) {
    if (!ok) throw new TypeError('refused');
    return 1;
  },
};
async function main() {
  if (!('vigil.mutation.duration' in metrics)) throw new Error('the registry is empty');
  for (const ok of [true, false]) await graphql({ schema, source: `mutation { login(ok: ${ok}) }`, rootValue });
  await flush();
  process.exit();
}
main();
