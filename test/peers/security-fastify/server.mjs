import cookie from '@fastify/cookie';
import cors from '@fastify/cors';
import csrfProtection from '@fastify/csrf-protection';
import rateLimit from '@fastify/rate-limit';
import { fastify } from 'fastify';
import { announce } from '../announce.cjs';
import { listen } from './app.cjs';

announce(await listen({ fastify, rateLimit, csrfProtection, cookie, cors }));
