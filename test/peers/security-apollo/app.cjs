/** One Apollo Server for each library; the libraries come in as the caller has loaded them. */
const typeDefs = /* GraphQL */ `
  type Item { id: Int child: Item }
  type Query { item: Item limited: Int }
`;
const item = { id: 1 };
item.child = item;
const resolvers = { Query: { item: () => item, limited: () => 1 } };

exports.listen = async (libraries) => {
  const { ApolloServer, startStandaloneServer, ApolloArmor, depthLimit, complexity, makeExecutableSchema } = libraries;
  const { getGraphQLRateLimiter, createRateLimitRule, RateLimitError, rateLimitDirective } = libraries;

  const limit = getGraphQLRateLimiter({ identifyContext: () => 'everybody' });
  const limited = async (parent, args, context, info) => {
    const message = await limit({ parent, args, context, info }, { max: 1, window: '60s' });
    if (message) throw new RateLimitError(message);
    return 1;
  };
  // A rule of graphql-shield: called by hand, as the shield around the field would.
  const rule = createRateLimitRule({
    identifyContext: () => 'everybody',
    createError: (message) => new Error(`by a rule: ${message}`),
  })({ max: 1, window: '60s' });
  const ruled = async (parent, args, context, info) => {
    const verdict = await rule.resolve(parent, args, context, info, {});
    if (verdict instanceof Error) throw verdict;
    return 1;
  };

  const { rateLimitDirectiveTypeDefs, rateLimitDirectiveTransformer } = rateLimitDirective();
  const directed = rateLimitDirectiveTransformer(
    makeExecutableSchema({
      typeDefs: [rateLimitDirectiveTypeDefs, typeDefs.replace('limited: Int', 'limited: Int @rateLimit(limit: 1)')],
      resolvers,
    }),
  );
  const armor = (options) => new ApolloArmor(options).protect();
  const estimators = [complexity.simpleEstimator({ defaultComplexity: 1 })];
  const servers = {
    csrf: { typeDefs, resolvers },
    armor: {
      typeDefs,
      resolvers,
      ...armor({ maxDepth: { n: 3 }, maxAliases: { n: 1 }, maxDirectives: { n: 1 }, maxTokens: { n: 40 } }),
    },
    armorSilent: { typeDefs, resolvers, ...armor({ maxDepth: { n: 3, exposeLimits: false } }) },
    armorCost: { typeDefs, resolvers, ...armor({ costLimit: { maxCost: 10 } }) },
    armorWatching: { typeDefs, resolvers, ...armor({ maxDepth: { n: 3, propagateOnRejection: false } }) },
    depth: { typeDefs, resolvers, validationRules: [depthLimit(3)] },
    complexity: {
      typeDefs,
      resolvers,
      validationRules: [complexity.createComplexityRule({ maximumComplexity: 3, estimators })],
    },
    fieldLimit: { typeDefs, resolvers: { Query: { ...resolvers.Query, limited } } },
    ruleLimit: { typeDefs, resolvers: { Query: { ...resolvers.Query, limited: ruled } } },
    directiveLimit: { schema: directed },
  };
  const ports = {};
  for (const [name, options] of Object.entries(servers)) {
    const server = new ApolloServer({ ...options, includeStacktraceInErrorResponses: false });
    const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
    ports[name] = Number(new URL(url).port);
  }
  return ports;
};
