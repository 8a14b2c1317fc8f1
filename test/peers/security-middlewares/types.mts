/** Compiled in the project: the shapes that the middlewares ask for are what the frameworks' own declarations give. */
import { ApolloServer } from '@apollo/server';
import {
  apolloSqlInjection,
  envelopSqlInjection,
  expressSqlInjection,
  fastifySqlInjection,
  honoSqlInjection,
  koaSqlInjection,
  type SqlInjectionFinding,
} from '@vigil/instrumentation-security-blocks';
import express from 'express';
import fastify from 'fastify';
import { createSchema, createYoga } from 'graphql-yoga';
import { Hono } from 'hono';
import Koa from 'koa';

const typeDefs = 'type Query { a: Int }';
const found: SqlInjectionFinding[] = [];
const options = { block: true, minScore: 6, onAttempt: (finding: SqlInjectionFinding) => void found.push(finding) };
express().use(expressSqlInjection(options));
fastify().register(fastifySqlInjection, options);
new Koa().use(koaSqlInjection(options));
new Hono().use(honoSqlInjection({ ...options, maxBodyBytes: 1024 }));
createYoga({ schema: createSchema({ typeDefs }), plugins: [envelopSqlInjection(options)] });
new ApolloServer({ typeDefs, plugins: [apolloSqlInjection(options)] });
// @ts-expect-error GraphQL plugins see no headers.
envelopSqlInjection({ headers: ['referer'] });
