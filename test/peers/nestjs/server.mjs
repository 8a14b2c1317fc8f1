import 'reflect-metadata';
import { ApolloDriver } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule } from '@nestjs/graphql';
import { announce, itemFields, typeDefs } from '../shop.cjs';
import { shopResolver } from './resolver.cjs';

const graphql = GraphQLModule.forRoot({
  driver: ApolloDriver,
  typeDefs,
  resolvers: { Item: itemFields },
  playground: false,
});
class ShopModule {}
Module({ imports: [graphql], providers: [shopResolver()] })(ShopModule);

const app = await NestFactory.create(ShopModule, { logger: false });
await app.listen(0, '127.0.0.1');
announce(app.getHttpServer().address().port, '/graphql');
