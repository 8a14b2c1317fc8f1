// Locks with the client whose version the folder of the process has: Redis at the address that is given.
const Redis = require('ioredis');

const redis = new Redis(process.env.REDIS_URL);
(async () => {
  await redis.set('lock:close_jobs', 'me', 'PX', 60_000, 'NX');
  await redis.set('lock:close_jobs', 'you', 'PX', 60_000, 'NX');
  await redis.del('lock:close_jobs');
  redis.disconnect();
})();
