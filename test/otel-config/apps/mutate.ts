/** An ES module application: three mutations over graphql, one of which fails, and a query. */
import { buildSchema, graphql } from 'graphql';

const schema = buildSchema('type Query { a: Int } type Mutation { login(ok: Boolean!): Int }');
const rootValue = {
  a: 1,
  login({ ok }: { ok: boolean }) {
    if (!ok) throw new TypeError('refused');
    return 1;
  },
};
for (const source of ['mutation { login(ok: true) }', 'mutation { login(ok: true) }', 'mutation { login(ok: false) }'])
  await graphql({ schema, source, rootValue });
await graphql({ schema, source: '{ a }', rootValue });
