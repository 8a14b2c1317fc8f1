/** One Yoga for each library, on one server; the libraries come in as the caller has loaded them. */
const { createServer } = require('node:http');

const typeDefs = /* GraphQL */ `
  type Item { id: Int child: Item }
  type Query { item: Item }
`;
const item = { id: 1 };
item.child = item;
const resolvers = { Query: { item: () => item } };

exports.listen = ({ createSchema, createYoga, useCSRFPrevention, EnvelopArmor, depthLimit }, announce) => {
  const schema = createSchema({ typeDefs, resolvers });
  const armor = new EnvelopArmor({ maxDepth: { n: 3 }, maxAliases: { n: 1 }, maxTokens: { n: 40 } }).protect();
  const depth = { onValidate: ({ addValidationRule }) => addValidationRule(depthLimit(3)) };
  const plugins = { csrf: [useCSRFPrevention()], armor: armor.plugins, depth: [depth] };
  const yogas = Object.entries(plugins).map(([name, own]) => {
    const graphqlEndpoint = `/${name}/graphql`;
    return [graphqlEndpoint, createYoga({ schema, graphqlEndpoint, plugins: own, logging: false, landingPage: false })];
  });
  const server = createServer((request, response) => {
    const [, yoga] = yogas.find(([path]) => request.url.startsWith(path)) ?? [];
    return yoga === undefined ? response.writeHead(404).end() : yoga(request, response);
  });
  server.listen(0, '127.0.0.1', () => announce({ yoga: server.address().port }));
};
