import 'reflect-metadata';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Args, GraphQLModule, ID, Int, Mutation, Query, Resolver } from '@nestjs/graphql';

@Resolver()
class JobsResolver {
  private count = 0;

  @Query(() => Int)
  jobs(): number {
    return this.count;
  }

  @Mutation(() => ID)
  createJob(@Args('title') title: string): string {
    if (title === '') throw new Error('a job needs a title');
    return String(++this.count);
  }
}

@Module({
  imports: [GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true })],
  providers: [JobsResolver],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(Number(process.env['PORT']), '127.0.0.1');
}

void main();
