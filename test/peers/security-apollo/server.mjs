import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { ApolloArmor } from '@escape.tech/graphql-armor';
import { makeExecutableSchema } from '@graphql-tools/schema';
import depthLimit from 'graphql-depth-limit';
import * as complexity from 'graphql-query-complexity/cjs';
import { createRateLimitRule, getGraphQLRateLimiter, RateLimitError } from 'graphql-rate-limit';
import { rateLimitDirective } from 'graphql-rate-limit-directive';
import { announce } from '../announce.cjs';
import { listen } from './app.cjs';

const limiters = { createRateLimitRule, getGraphQLRateLimiter, RateLimitError, rateLimitDirective };
const servers = { ApolloServer, startStandaloneServer, ApolloArmor, depthLimit, complexity, makeExecutableSchema };
announce(await listen({ ...servers, ...limiters }));
