// A NestJS resolver class with one method for each field, decorated by hand: decorators need a compiler.
const { Mutation, Query, Resolver } = require('@nestjs/graphql');
const { mutations, resolvers } = require('../shop.cjs');

exports.shopResolver = function shopResolver() {
  class ShopResolver {}
  const methods = [
    ...Object.entries(mutations).map(([name, method]) => [Mutation, name, method]),
    ...Object.entries(resolvers.Query).map(([name, method]) => [Query, name, method]),
  ];
  for (const [decorate, name, method] of methods) {
    ShopResolver.prototype[name] = method;
    decorate(name)(ShopResolver.prototype, name, Object.getOwnPropertyDescriptor(ShopResolver.prototype, name));
  }
  Resolver()(ShopResolver);
  return ShopResolver;
};
