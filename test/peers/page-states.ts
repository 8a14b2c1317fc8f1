/** What the page says when not all is well with its data, where its links lead, and how it is used without a mouse. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_VALUE_LENGTH } from '../../aggregator/otlp/sanitiser.ts';
import { STALE_SECONDS } from '../../aggregator/page/layout.ts';
import { type RunningAggregator, startAggregator } from '../support/aggregator.ts';
import { metricsBody, type PointDescription } from '../support/otlp-json.ts';
import { documentedSpans, scenarioBodies } from '../support/scenarios.ts';
import { smallDisk } from '../support/small-disk.ts';
import { type Browser, feed, type Page, signedIn, waitUntil } from './page-browser.ts';

type Check = (name: string, body: () => Promise<void>) => Promise<void>;

const JSON_TYPE = { 'Content-Type': 'application/json' };
const LIVE = `document.documentElement.dataset.connection === 'live'`;

export async function checkStates(browser: Browser, check: Check): Promise<void> {
  await check('refused data is shown, and its end', () => checkOverload(browser));
  await check('data that is old is called stale', () => checkStaleness(browser));
  await check('data that stops coming grows old before the reader’s eyes', () => checkAgeing(browser));
  await check('traces are linked as configured', () => checkTraces(browser));
  await check('everything can be reached by the keyboard', () => checkKeyboard(browser));
  await check('a page whose subject is gone says so without being loaded again', () => checkGone(browser));
  await check('nothing is cut off, on a phone, on a screen and on paper', () => checkNothingCutOff(browser));
  await check('names of any length leave a phone as wide as it is', () => checkLongNames(browser));
}

/** A page of a service of its own, which ends with the check. */
async function withPage(
  browser: Browser,
  options: Parameters<typeof startAggregator>[0],
  work: (page: Page, aggregator: RunningAggregator) => Promise<void>,
): Promise<void> {
  const aggregator = await startAggregator(options);
  try {
    const context = await signedIn(browser, aggregator.url);
    await work(await context.newPage(), aggregator);
    await context.close();
  } finally {
    await aggregator.stop('SIGKILL');
  }
}

async function checkOverload(browser: Browser): Promise<void> {
  const disk = smallDisk('3m');
  if (disk === undefined) {
    assert.notEqual(process.env['REQUIRE_REAL'], '1', 'a tmpfs cannot be mounted here');
    return console.log('skipped: a small disk needs the right to mount a tmpfs');
  }
  const { directory } = disk;
  const refusal = `document.getElementById('freshness').textContent.includes('New data is refused')`;
  try {
    await withPage(browser, { directory }, async (page, aggregator) => {
      await feed(aggregator, scenarioBodies('normal', Date.now()).slice(-1));
      await page.goto(`${aggregator.url}/`);
      await waitUntil(page, LIVE);
      assert.equal(await page.evaluate(refusal), false);
      const ballast = join(directory, 'ballast');
      assert.throws(() => writeFileSync(ballast, Buffer.alloc(4 * 1024 * 1024)), /ENOSPC/);
      await sendUntil(aggregator, 503);
      await waitUntil(page, refusal);
      rmSync(ballast);
      await sendUntil(aggregator, 200);
      await waitUntil(page, `!(${refusal})`);
    });
  } finally {
    disk.remove();
  }
}

/** Sends until the answer is the expected one, a bounded number of times. */
async function sendUntil(aggregator: RunningAggregator, status: number): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const [body] = scenarioBodies('normal', Date.now()).slice(-1);
    if ((await aggregator.post('/v1/metrics', body, JSON_TYPE)).status === status) return;
    if (status === 200) await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no answer was ${status}`);
}

async function checkStaleness(browser: Browser): Promise<void> {
  await withPage(browser, {}, async (page, aggregator) => {
    await feed(aggregator, scenarioBodies('normal', Date.now() - 5 * 60_000));
    await page.goto(`${aggregator.url}/`);
    const words = await page.evaluate<string>(`document.getElementById('freshness').textContent`);
    assert.match(words, /Stale: the newest data is from 5 minutes ago\. Sent by shop\./);
    assert.match(await page.evaluate<string>(`document.getElementById('state').textContent`), /no data arrives/);
    // What was measured then is still shown.
    assert.match(await page.content(), /id="mutations"/);
  });
}

/** Nothing arrives any more, so no event tells the page: it has to find out. */
async function checkAgeing(browser: Browser): Promise<void> {
  await withPage(browser, {}, async (page, aggregator) => {
    await feed(aggregator, scenarioBodies('normal', Date.now() - (STALE_SECONDS - 5) * 1000).slice(-1));
    await page.goto(`${aggregator.url}/`);
    await waitUntil(page, LIVE);
    const words = `document.getElementById('freshness').textContent`;
    assert.match(await page.evaluate<string>(words), /Newest data/);
    await waitUntil(page, `${words}.includes('Stale')`, 25_000);
    assert.match(await page.evaluate<string>(`document.getElementById('state').textContent`), /no data arrives/);
  });
}

async function checkTraces(browser: Browser): Promise<void> {
  const env = { MONITORING_TRACE_URL: 'https://traces.example/trace/{trace_id}?from=vigil' };
  await withPage(browser, { env }, async (page, aggregator) => {
    await feed(aggregator, scenarioBodies('documented', Date.now()));
    assert.equal((await aggregator.post('/v1/traces', documentedSpans(Date.now()), JSON_TYPE)).status, 200);
    await page.goto(`${aggregator.url}/mutations/CreateJob/`);
    const links = await page.evaluate<string[]>(`[...document.querySelectorAll('main a[rel]')].map((a) => a.href)`);
    assert.ok(links.length > 0);
    for (const link of links)
      assert.equal(link, 'https://traces.example/trace/0af7651916cd43dd8448eb211c80319c?from=vigil');
  });
}

/** A service that holds nothing of a mutation answers for its page with 404, which the open page shows. */
async function checkGone(browser: Browser): Promise<void> {
  await withPage(browser, {}, async (page, aggregator) => {
    await feed(aggregator, scenarioBodies('normal', Date.now()));
    await page.goto(`${aggregator.url}/mutations/LoginUser/`);
    await waitUntil(page, LIVE);
    await page.evaluate('window.stayed = true');
    assert.equal(await page.evaluate(`document.getElementById('latency') !== null`), true);
    await aggregator.stop('SIGTERM');
    const empty = await startAggregator({ port: Number(new URL(aggregator.url).port) });
    try {
      await feed(empty, [metricsBody([failures('CreateJob')])]);
      const words = `document.getElementById('main').textContent`;
      await waitUntil(page, `${words}.includes('It did not run in this window.')`, 25_000);
      assert.equal(await page.evaluate(`document.querySelector('h1').textContent`), 'LoginUser');
      assert.equal(await page.evaluate(`document.getElementById('latency')`), null);
      // And what runs again is shown again.
      await feed(empty, [metricsBody([failures('LoginUser')])]);
      await waitUntil(page, `document.getElementById('latency') !== null`);
      assert.equal(await page.evaluate('window.stayed'), true);
    } finally {
      await empty.stop('SIGKILL');
    }
  });
}

/** Boxes that hold more than they show. */
const CUT_OFF = `[...document.querySelectorAll('nav, .scroll')].filter((box) => box.scrollWidth > box.clientWidth || (getComputedStyle(box).overflowY !== 'auto' && box.scrollHeight > box.clientHeight)).map((box) => box.getAttribute('aria-label'))`;

async function checkNothingCutOff(browser: Browser): Promise<void> {
  await withPage(browser, {}, async (page, aggregator) => {
    await feed(aggregator, scenarioBodies('many', Date.now()).slice(-5));
    for (const [width, path] of [
      [320, '/'],
      [360, '/'],
      [1280, '/objectives/mutation-success/'],
      [1280, '/mutations/'],
    ] as const) {
      await page.setViewportSize({ width, height: 844 });
      await page.goto(aggregator.url + path);
      assert.deepEqual(await page.evaluate(CUT_OFF), [], `${path} at ${width}`);
    }
    const hidden = `[...document.querySelectorAll('#mutations tbody tr')].filter((row) => row.getBoundingClientRect().bottom > document.querySelector('#mutations').getBoundingClientRect().bottom).length`;
    assert.ok((await page.evaluate<number>(hidden)) > 100);
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    assert.equal(await page.evaluate(hidden), 0);
    assert.deepEqual(await page.evaluate(CUT_OFF), []);
    const ground = `getComputedStyle(document.querySelector('#mutations')).backgroundColor`;
    assert.equal(await page.evaluate(ground), 'rgb(255, 255, 255)');
  });
}

/** As long as names may be, with places to break and without, of the mutation that spent most. */
async function checkLongNames(browser: Browser): Promise<void> {
  for (const name of ['Longest'.padEnd(MAX_VALUE_LENGTH, 'x'), 'LongestName'.repeat(11)])
    await withPage(browser, {}, async (page, aggregator) => {
      await feed(aggregator, [...scenarioBodies('normal', Date.now()), metricsBody([failures(name)])]);
      for (const width of [320, 390]) {
        await page.setViewportSize({ width, height: 844 });
        for (const path of ['/', '/mutations/', `/mutations/${name}/`, '/objectives/mutation-success/']) {
          await page.goto(aggregator.url + path);
          assert.ok((await page.content()).includes('Longest'), `${path} does not show it`);
          const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
          assert.ok(overflow <= 0, `${path.slice(0, 30)} is ${overflow} px wider than ${width}`);
        }
      }
      const spenders = `document.querySelector('#spent tbody th').textContent`;
      assert.equal(await page.evaluate(spenders), name);
    });
}

function failures(name: string): PointDescription {
  const attributes = { 'vigil.mutation.name': name, 'vigil.mutation.outcome': 'failure', 'error.type': name };
  const [timeMs, values] = [Date.now(), new Array<number>(2000).fill(0.1)];
  const sender = { service: 'shop', instance: 'shop-2', cumulative: false, startMs: timeMs - 10_000, timeMs };
  return { ...sender, metric: 'vigil.mutation.duration', attributes, values, shape: { scale: 4 } };
}

/** What has the focus: where it leads or what it is called, and whether a reader sees that it has it. */
const FOCUSED = `(() => {
  const { activeElement: at } = document;
  const isSeen = getComputedStyle(at).outlineStyle !== 'none' && at.getBoundingClientRect().left >= 0;
  return [at.getAttribute('href') ?? at.name ?? at.getAttribute('aria-label') ?? at.tagName, isSeen];
})()`;

async function checkKeyboard(browser: Browser): Promise<void> {
  await withPage(browser, {}, async (page, aggregator) => {
    await feed(aggregator, scenarioBodies('normal', Date.now()));
    await page.goto(`${aggregator.url}/`);
    await waitUntil(page, LIVE);
    const reached: string[] = [];
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab');
      const [name, isSeen] = await page.evaluate<[string, boolean]>(FOCUSED);
      if (name === 'BODY') break;
      assert.ok(isSeen, `the focus on ${name} is not seen`);
      reached.push(name);
    }
    assert.equal(reached[0], '#main');
    for (const wanted of ['/mutations/', '/security/', 'window', 'service', '/objectives/mutation-success/', '/docs/'])
      assert.ok(reached.includes(wanted), `${wanted} is not among ${reached}`);
    await checkFocusStays(page, aggregator);
  });
}

/** New data must not take the place from under the hands of who reads. */
async function checkFocusStays(page: Page, aggregator: RunningAggregator): Promise<void> {
  await page.evaluate(`document.querySelector('#objectives tbody a').focus()`);
  const [name] = await page.evaluate<[string]>(FOCUSED);
  const before = await page.evaluate<string>(`document.getElementById('objectives').textContent`);
  await feed(aggregator, scenarioBodies('incident', Date.now()));
  await waitUntil(page, `document.getElementById('objectives').textContent !== ${JSON.stringify(before)}`);
  assert.deepEqual(await page.evaluate(FOCUSED), [name, true]);
}
