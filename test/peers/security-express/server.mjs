import cookieParser from 'cookie-parser';
import cors from 'cors';
import { doubleCsrf } from 'csrf-csrf';
import csurf from 'csurf';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import * as flexible from 'rate-limiter-flexible';
import { announce } from '../announce.cjs';
import { createApp } from './app.cjs';

const app = createApp({ express, rateLimit, flexible, csurf, doubleCsrf, cookieParser, cors });
const server = app.listen(0, '127.0.0.1', () => announce({ express: server.address().port }));
