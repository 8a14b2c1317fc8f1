require('reflect-metadata');
const { Module } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { GraphQLModule } = require('@nestjs/graphql');
const { ApolloDriver } = require('@nestjs/apollo');
const { shopResolver } = require('./resolver.cjs');
const { typeDefs, itemFields, announce } = require('../shop.cjs');

const graphql = GraphQLModule.forRoot({
  driver: ApolloDriver,
  typeDefs,
  resolvers: { Item: itemFields },
  playground: false,
});
class ShopModule {}
Module({ imports: [graphql], providers: [shopResolver()] })(ShopModule);

NestFactory.create(ShopModule, { logger: false }).then(async (app) => {
  await app.listen(0, '127.0.0.1');
  announce(app.getHttpServer().address().port, '/graphql');
});
