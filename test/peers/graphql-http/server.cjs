const { createServer } = require('node:http');
const { buildSchema } = require('graphql');
const { createHandler } = require('graphql-http/lib/use/http');
const { typeDefs, itemFields, mutations, announce } = require('../shop.cjs');

// No resolvers at all: the methods of a root value, called by graphql's default resolver.
const schema = buildSchema(typeDefs);
schema.getType('Item').getFields().broken.resolve = itemFields.broken;
const server = createServer(createHandler({ schema, rootValue: { ...mutations, item: { id: 1 } } }));
server.listen(0, '127.0.0.1', () => announce(server.address().port, '/'));
