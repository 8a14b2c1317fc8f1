import express from 'express';
import announce from '../announce.cjs';
import { aggregator } from './monitoring.mjs';
import { pay } from './shop.mjs';

const app = express();
// Parsers stand first in most applications: the sign-in form then has been read already.
app.use(express.json());
app.use(express.urlencoded());
app.use('/monitoring', aggregator.handler);
app.get('/', (_, response) => response.send('the shop'));
app.post('/pay', async (_, response) => response.json(await pay()));
const server = app.listen(0, '127.0.0.1', () => announce.announce({ http: server.address().port }));
