/**
 * What the peers do with locks and keys, in a process of its own. Each prints what its libraries answered, so that a run with
 * the instrumentation can be compared with one without. The module loader comes from the folder whose libraries are used.
 */
const { setTimeout: delay } = require('node:timers/promises');

const REDIS_PORT = Number(process.env.REDIS_PORT);
const POSTGRES = process.env.POSTGRES_URL;

const named = (module, name) => module[name] ?? module.default?.[name] ?? module.default ?? module;

async function settled(promise) {
  try {
    return await promise;
  } catch (error) {
    return `${error.name}: ${error.code ?? ''} ${error.message}`;
  }
}

const sqlOf = async (load) => {
  const { Pool } = await load('pg').then((pg) => pg.default ?? pg);
  const pool = new Pool({ connectionString: POSTGRES });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
};

/** Duplicates by id, by deduplication id and within one batch; then a worker takes every job. QueueEvents is the witness. */
async function bullmq(load) {
  const { Queue, Worker, QueueEvents, FlowProducer } = await load('bullmq');
  const connection = { host: '127.0.0.1', port: REDIS_PORT };
  const name = `mails-${process.pid}`;
  const queue = new Queue(name, { connection });
  const events = new QueueEvents(name, { connection, lastEventId: '0-0' });
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);
  let witnessed = 0;
  events.on('deduplicated', () => witnessed++);
  events.on('duplicated', () => witnessed++);
  const send = (id) => queue.add('send_email', {}, { deduplication: { id } });
  const burst = await Promise.all([send('user:ada'), send('user:ada'), send('user:ada'), send('user:bob')]);
  const report = (jobId) => queue.add('report', {}, { jobId });
  const byId = await Promise.all([report('monthly'), report('monthly'), report('weekly')]);
  const bulk = await queue.addBulk(
    ['b-one', 'b-one', 'b-two', undefined].map((jobId) => ({ name: 'close_jobs', data: {}, opts: { jobId } })),
  );
  await queue.add('plain', {});
  let flow = 0;
  if (process.env.FLOWS === '1') {
    const flows = new FlowProducer({ connection });
    const children = [{ name: 'report', queueName: name, data: {}, opts: { jobId: 'weekly' } }];
    await flows.add({ name: 'close_jobs', queueName: name, data: {}, opts: { jobId: 'b-three' }, children });
    await flows.close();
    flow = 1;
  }
  const jobs = 8 + flow;
  let done = 0;
  const { promise, resolve } = Promise.withResolvers();
  const worker = new Worker(name, async (job) => job.name, { connection, concurrency: 3 });
  worker.on('completed', () => ++done === jobs && resolve());
  await promise;
  await worker.close();
  for (let tries = 0; witnessed < 4 + flow && tries < 100; tries++) await delay(20);
  await Promise.all([queue.close(), events.close()]);
  const ids = [...burst, ...byId, ...bulk].map(({ id }) => id);
  return { ids, witnessed, done };
}

/** One process of several that add the same keys at the same moments. */
async function bullmqLockStep(load) {
  const { Queue } = await load('bullmq');
  const connection = { host: '127.0.0.1', port: REDIS_PORT };
  const queue = new Queue('lock-step', { connection });
  await queue.waitUntilReady();
  await delay(Math.max(0, Number(process.env.START_AT) - Date.now()));
  for (let i = 0; i < 100; i++) {
    await Promise.all([0, 1].map(() => queue.add('send_email', {}, { deduplication: { id: `mail-${i}` } })));
  }
  await queue.close();
  return {};
}

/** A worker whose process dies with a job in hand, and the one that finds it. */
async function bullmqStalled(load) {
  const { Queue, Worker } = await load('bullmq');
  const connection = { host: '127.0.0.1', port: REDIS_PORT };
  const queue = new Queue('stalled', { connection });
  const { promise, resolve } = Promise.withResolvers();
  const isFirst = process.env.DIES === '1';
  const options = { connection, lockDuration: 300, stalledInterval: 200, lockRenewTime: isFirst ? 1e9 : 100 };
  const worker = new Worker('stalled', () => (isFirst ? delay(60_000) : delay(250)), options);
  worker.on(isFirst ? 'active' : 'completed', resolve);
  if (isFirst) await queue.add('close_jobs', {});
  await promise;
  if (isFirst) process.exit(0);
  await Promise.all([worker.close(), queue.close()]);
  return {};
}

async function redisClient(load) {
  const Redis = named(await load('ioredis'), 'Redis');
  const redis = new Redis(REDIS_PORT, '127.0.0.1', { maxRetriesPerRequest: 0, retryStrategy: null });
  redis.on('error', () => {});
  return redis;
}

/** redlock of all versions: taken, held, waited for in vain, extended, expired, lost, and without a server. */
async function redlock(load) {
  const Redlock = named(await load(process.env.REDLOCK), 'Redlock');
  const redis = await redisClient(load);
  const settings = { retryCount: 0, retryDelay: 10, retryJitter: 0 };
  const locks = new Redlock([redis], settings);
  const patient = new Redlock([redis], { ...settings, retryCount: 2 });
  for (const one of [locks, patient]) for (const event of ['error', 'clientError']) one.on(event, () => {});
  const take = (from, key, ttl) => from.acquire([`lock:${key}`], ttl);
  const answers = [];
  const note = async (promise) => answers.push(await settled(promise.then(() => 'done')));
  const first = await take(locks, 'close_jobs', 5000);
  await note(take(locks, 'close_jobs', 5000));
  await note(take(patient, 'close_jobs', 5000));
  const extended = await first.extend(8000);
  const release = (lock) => (lock.release ? lock.release() : lock.unlock());
  await note(release(extended));
  const short = await take(locks, 'short', 30);
  await delay(60);
  await note(short.extend(5000));
  await note(release(short));
  const stolen = await take(locks, 'stolen', 5000);
  await redis.set('lock:stolen', 'somebody else');
  await note(release(stolen));
  await redis.disconnect();
  await note(take(locks, 'close_jobs', 5000));
  return answers;
}

/** Callbacks and disposers, which only version 4 has. */
async function redlock4(load) {
  const Redlock = named(await load('redlock'), 'Redlock');
  const redis = await redisClient(load);
  const locks = new Redlock([redis], { retryCount: 0 });
  const answers = [];
  const called = (method, ...args) =>
    new Promise((resolve) => locks[method](...args, (error, result) => resolve([error?.message, result])));
  const [, lock] = await called('lock', 'lock:close_jobs', 5000);
  answers.push((await called('lock', 'lock:close_jobs', 5000))[0]);
  answers.push(await called('unlock', lock));
  const Bluebird = locks.disposer('lock:close_jobs', 5000)._promise?.constructor ?? (await load('bluebird')).default;
  await delay(50);
  answers.push(typeof Bluebird);
  let unhandled = 0;
  process.on('unhandledRejection', () => unhandled++);
  void locks.lock('lock:close_jobs', 5000);
  await delay(50);
  answers.push(unhandled);
  await redis.quit();
  return answers;
}

/** New, replayed, in flight, another payload; a request without a key; within HTTP and apart from it. */
async function nodeIdempotency(load) {
  const { Idempotency } = await load('@node-idempotency/core');
  const storage = await idempotencyStorage(load);
  const guard = new Idempotency(storage, { skipRequest: (request) => request.path === '/skipped' });
  const request = (key, path, body) => ({ headers: { 'Idempotency-Key': key }, path, method: 'POST', body });
  const pay = (key, body = { sum: 1 }) => request(key, '/users/42/payments', body);
  const answers = [];
  const note = async (promise) => answers.push(await settled(promise));
  await note(guard.onRequest(pay('key-one')));
  await note(guard.onRequest(pay('key-one')));
  await guard.onResponse(pay('key-one'), { body: 'paid', statusCode: 201 });
  await note(guard.onRequest(pay('key-one')));
  await note(guard.onRequest(pay('key-one', { sum: 2 })));
  await note(guard.onRequest(pay('key-two')));
  await note(guard.onRequest(request('key-three', '/skipped', {})));
  await note(guard.onRequest({ headers: {}, path: '/users/42/payments', method: 'POST', body: {} }));
  await storage.disconnect?.();
  return answers;
}

async function idempotencyStorage(load) {
  if (process.env.STORAGE === 'memory') {
    const { MemoryStorageAdapter } = await load('@node-idempotency/storage-adapter-memory');
    return new MemoryStorageAdapter();
  }
  const { RedisStorageAdapter } = await load('@node-idempotency/storage-adapter-redis');
  const storage = new RedisStorageAdapter({ url: `redis://127.0.0.1:${REDIS_PORT}` });
  await storage.connect();
  return storage;
}

/** A server that honours the header by its answers, and one route where a library below does. */
async function header(load) {
  const { createServer } = require('node:http');
  const { Idempotency } = await load('@node-idempotency/core');
  const guard = new Idempotency(await idempotencyStorage(load));
  const server = createServer(async (request, response) => {
    if (request.url === '/guarded') {
      const own = { headers: request.headers, path: request.url, method: request.method, body: {} };
      const stored = await guard.onRequest(own);
      if (stored === undefined) await guard.onResponse(own, { statusCode: 200, body: '' });
      response.writeHead(200, stored === undefined ? {} : { 'Idempotent-Replayed': 'true' }).end();
      return;
    }
    const status = Number(request.headers['x-status']);
    response.writeHead(status, request.headers['x-replay'] ? { 'Idempotent-Replayed': 'true' } : {}).end();
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://127.0.0.1:${server.address().port}`;
  const post = async (key, status, path = '/users/42/orders', more = {}) => {
    const headers = { 'x-status': String(status), ...(key ? { 'Idempotency-Key': key } : {}), ...more };
    return (await fetch(base + path, { method: 'POST', headers })).status;
  };
  const replayed = [undefined, { 'x-replay': '1' }];
  const answers = [
    await post('key-one', 201),
    await post('key-one', 201, ...replayed),
    await post('key-one', 409),
    await post('key-one', 422),
    await post('key-two', 201),
    // Not admitted, no key, not found.
    await post('key-three', 500),
    await post(undefined, 201),
    await post('key-four', 404, '/nowhere'),
    await post('key-five', 200, '/guarded'),
    await post('key-five', 200, '/guarded'),
  ];
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  return answers;
}

async function pgBoss(load) {
  const PgBoss = named(await load('pg-boss'), 'PgBoss');
  const boss = new PgBoss({
    connectionString: POSTGRES,
    schema: process.env.SCHEMA,
    supervise: false,
    schedule: false,
  });
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue('send_email', { name: 'send_email', policy: 'short' });
  await boss.createQueue('report', { name: 'report' });
  const answers = [];
  const note = async (promise) =>
    answers.push(((id) => (typeof id === 'string' && id.length === 36 ? 'id' : id))(await settled(promise)));
  const email = (key) => boss.send('send_email', {}, { singletonKey: key });
  await note(email('user:ada'));
  await note(email('user:ada'));
  await note(email('user:ada'));
  await note(boss.send({ name: 'send_email', data: {}, options: { singletonKey: 'user:bob' } }));
  await note(boss.sendThrottled('report', {}, {}, 3600, 'monthly'));
  await note(boss.sendThrottled('report', {}, {}, 3600, 'monthly'));
  await note(boss.send('report', {}));
  await note(boss.send(7));
  await boss.stop({ graceful: false, wait: true });
  return answers;
}

async function graphileWorker(load) {
  const { makeWorkerUtils, runOnce } = await load('graphile-worker').then((all) => all.default ?? all);
  const pgPool = await sqlOf(load);
  const options = { pgPool, schema: process.env.SCHEMA };
  const quiet = {
    logger: new (await load('graphile-worker').then((all) => all.Logger ?? all.default.Logger))(() => () => {}),
  };
  const tools = await makeWorkerUtils({ ...options, ...quiet });
  await tools.migrate();
  const revisions = [];
  const add = async (jobKey, more = {}) => {
    const { revision } = await tools.addJob('send_email', {}, { jobKey, ...more });
    revisions.push(Number(revision));
  };
  await add('user:ada');
  await add('user:ada');
  await add('user:ada', { jobKeyMode: 'unsafe_dedupe' });
  await add('user:bob');
  await tools.addJob('report', {});
  let bulk = 0;
  if (tools.addJobs) {
    const specs = ['b-one', 'b-two'].map((jobKey) => ({ identifier: 'close_jobs', payload: {}, jobKey }));
    for (let i = 0; i < 2; i++) bulk += (await tools.addJobs(specs)).length;
  }
  const tasks = {
    send_email: async () => {},
    close_jobs: async () => {},
    report: async (_, helpers) => {
      await helpers.addJob('nightly', {}, { jobKey: 'only' });
      await helpers.addJob('nightly', {}, { jobKey: 'only' });
    },
  };
  await runOnce({ ...options, ...quiet, taskList: tasks });
  await tools.release();
  await pgPool.end();
  return { revisions, bulk };
}

/** Rules of the user, for plain keys and for those of libraries. */
async function rules(load) {
  const { addKeyRules } = await import('@vigil/instrumentation-task-locks');
  addKeyRules([
    { match: /^dedup:mail:/, task: 'send_email', scope: 'user', kind: 'dedup' },
    { match: /^cache:|^noise:/, kind: 'ignore' },
    { match: /^job:acme-/, task: 'customer_report', scope: 'tenant' },
  ]);
  const { Queue } = await load('bullmq');
  const redis = await redisClient(load);
  const answers = [];
  for (const key of ['dedup:mail:1', 'dedup:mail:1', 'cache:1', 'lock:close_jobs', 'lock:close_jobs'])
    answers.push(await redis.set(key, 'me', 'PX', 60_000, 'NX'));
  const queue = new Queue(`rules-${process.pid}`, { connection: { host: '127.0.0.1', port: REDIS_PORT } });
  for (let i = 0; i < 2; i++) await queue.add('job', {}, { jobId: 'acme-report' });
  for (let i = 0; i < 2; i++) await queue.add('noise', {}, { jobId: 'quiet' });
  await Promise.all([queue.close(), redis.quit()]);
  return answers;
}

/** A server that dies in the middle: every call ends as it would. */
async function dying(load) {
  const redis = await redisClient(load);
  const { Queue } = await load('bullmq');
  const connection = { host: '127.0.0.1', port: REDIS_PORT, maxRetriesPerRequest: 0, retryStrategy: () => null };
  const queue = new Queue('dying', { connection });
  queue.on('error', () => {});
  await queue.waitUntilReady();
  const answers = [await redis.set('lock:a', 'me', 'PX', 60_000, 'NX')];
  const add = () => queue.add('send_email', {}, { deduplication: { id: 'one' } });
  await add();
  const asleep = redis.eval("redis.call('set', KEYS[1], 1) while true do end", 1, 'x');
  const late = redis.multi().set('lock:b', 'me', 'NX').exec();
  const piped = redis.pipeline().set('lock:c', 'me', 'NX').exec();
  const adding = add();
  for (const one of [asleep, late, piped, adding]) one.catch(() => {});
  await delay(50);
  console.log('ready');
  for (const one of [asleep, late, piped, adding]) {
    const answer = await settled(one);
    answers.push(JSON.stringify(answer, (_, value) => (value instanceof Error ? value.message : value)));
  }
  redis.disconnect();
  await settled(queue.disconnect());
  return answers;
}

const scenarios = {
  bullmq,
  'bullmq-lock-step': bullmqLockStep,
  'bullmq-stalled': bullmqStalled,
  redlock,
  redlock4,
  'node-idempotency': nodeIdempotency,
  header,
  'pg-boss': pgBoss,
  'graphile-worker': graphileWorker,
  rules,
  dying,
};

exports.run = async (load) => {
  const answers = await scenarios[process.env.SCENARIO](load);
  console.log(`answers ${JSON.stringify(answers)}`);
};
