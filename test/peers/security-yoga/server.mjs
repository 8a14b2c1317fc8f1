import { EnvelopArmor } from '@escape.tech/graphql-armor';
import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention';
import depthLimit from 'graphql-depth-limit';
import { createSchema, createYoga } from 'graphql-yoga';
import { announce } from '../announce.cjs';
import { listen } from './app.cjs';

listen({ createSchema, createYoga, useCSRFPrevention, EnvelopArmor, depthLimit }, announce);
