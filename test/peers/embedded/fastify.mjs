import formbody from '@fastify/formbody';
import { fastify } from 'fastify';
import announce from '../announce.cjs';
import { aggregator } from './monitoring.mjs';
import { pay } from './shop.mjs';

const app = fastify();
// Parsers stand first in most applications: the plugin must see the form unread.
app.register(formbody);
app.register(aggregator.fastify);
app.get('/', async () => 'the shop');
app.post('/pay', pay);
await app.listen({ port: 0, host: '127.0.0.1' });
announce.announce({ http: app.server.address().port });
