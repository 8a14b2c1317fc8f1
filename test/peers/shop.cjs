// What every server under test serves: a schema whose mutations have known outcomes. It depends on no GraphQL package.
'use strict';

const typeDefs = /* GraphQL */ `
  type Item { id: Int, broken: Int }
  type Query { item: Item }
  type Mutation { succeed: Item, later: Item, slow: Item, coded: Item, declined: Item, partial: Item }
`;

class PaymentDeclined extends Error {}

/** Milliseconds that `slow` takes. */
const SLOW_MS = 120;

const after = (ms, value) => new Promise((resolve) => setTimeout(resolve, ms, value));
const item = { id: 1 };

const mutations = {
  succeed: () => item,
  later: () => after(5, item),
  slow: () => after(SLOW_MS, item),
  coded: () => {
    throw Object.assign(new Error('mailbox of ada@example.org is full'), { extensions: { code: 'QUOTA_EXCEEDED' } });
  },
  declined: async () => {
    throw new PaymentDeclined('card 4111 1111 1111 1111');
  },
  partial: () => after(1, item),
};

const itemFields = {
  broken: () => {
    throw new RangeError('below');
  },
};

const resolvers = { Query: { item: () => item }, Mutation: mutations, Item: itemFields };

/** Puts the resolvers into a schema that was built from the type definitions. */
function withResolvers(schema) {
  for (const [type, fields] of Object.entries(resolvers)) {
    for (const [name, resolve] of Object.entries(fields)) schema.getType(type).getFields()[name].resolve = resolve;
  }
  return schema;
}

/** Tells the runner where the server listens. */
function announce(port, path) {
  console.log(`listening http://127.0.0.1:${port}${path}`);
}

/** Serves with node:http; `answer` gets the parsed JSON body of a POST. */
function serveJson(answer) {
  const server = require('node:http').createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(await answer(JSON.parse(text))));
  });
  server.listen(0, '127.0.0.1', () => announce(server.address().port, '/'));
}

module.exports = { typeDefs, resolvers, mutations, itemFields, withResolvers, announce, serveJson, SLOW_MS };
