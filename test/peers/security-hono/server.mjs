import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { csrf } from 'hono/csrf';
import { rateLimiter } from 'hono-rate-limiter';
import { announce } from '../announce.cjs';
import { listen } from './app.cjs';

listen({ Hono, serve, csrf, cors, rateLimiter }, announce);
