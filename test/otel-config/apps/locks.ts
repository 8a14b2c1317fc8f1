/** Locks with node-redis, as an ES module: Redis at the address that is given. */
import { createClient } from 'redis';

const redis = createClient({ url: process.env['REDIS_URL']! });
await redis.connect();
await redis.set('lock:close_jobs', 'me', { NX: true, PX: 60_000 });
await redis.set('lock:close_jobs', 'you', { NX: true, PX: 60_000 });
await redis.del('lock:close_jobs');
redis.destroy();
