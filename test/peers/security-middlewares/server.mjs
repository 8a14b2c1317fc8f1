import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { getRequestListener } from '@hono/node-server';
import { bodyParser } from '@koa/bodyparser';
import * as vigil from '@vigil/instrumentation-security-blocks';
import express from 'express';
import fastify from 'fastify';
import { createSchema, createYoga } from 'graphql-yoga';
import { Hono } from 'hono';
import Koa from 'koa';
import { listen } from './app.cjs';

const servers = { ApolloServer, startStandaloneServer, createSchema, createYoga, Hono, getRequestListener };
const ports = await listen({ ...vigil, ...servers, express, fastify, Koa, bodyParser });
console.log(`listening ${JSON.stringify(ports)}`);
