/**
 * The page in a real browser: every page with nothing, ordinary, bad and much data, without a console message, without
 * a request to anybody else, readable without a script, without serious faults for people with disabilities, with the
 * numbers that the endpoints answer, and alive. Run as `node test/peers/page.ts [--shots FOLDER]`.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { createClient } from '../../aggregator/http/client.ts';
import { count, milliseconds, percent } from '../../aggregator/page/format.ts';
import { findProgram } from '../bench/processes.ts';
import { KEY, type RunningAggregator, startAggregator } from '../support/aggregator.ts';
import { HOSTILE_NAMES, type ScenarioName, scenarioBodies } from '../support/scenarios.ts';
import { installPeers } from './install.ts';
import { type Browser, type Context, feed, type Page, STEP_MS, signedIn, waitUntil, watch } from './page-browser.ts';
import { checkStates } from './page-states.ts';

const FOLDER = join(import.meta.dirname, 'page');
const SCENARIOS: readonly ScenarioName[] = ['empty', 'normal', 'incident', 'many'];
const WIDTHS = [390, 1280, 2560] as const;
const SCHEMES = ['light', 'dark'] as const;

const PAGES = [
  '/',
  '/mutations/',
  '/mutations/LoginUser/',
  '/tasks/',
  '/security/',
  '/objectives/',
  '/objectives/mutation-success/',
  '/docs/',
  '/sign-in',
] as const;

/** Without these a browser in a closed network fails at every start to look up what it never needs. */
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

class Hung extends Error {
  override readonly name = 'Hung';
}

let passed = 0;
let failed = 0;

/** A check that fails has failed; a browser that hangs ends the scenario, which is then tried with a new one. */
async function check(name: string, body: () => Promise<void>): Promise<void> {
  const startedMs = performance.now();
  try {
    await limited(name, body());
    passed++;
    console.log(`ok     ${name} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`);
  } catch (error) {
    if (isHung(error)) throw error;
    failed++;
    console.log(`failed ${name}\n${error instanceof Error ? error.message : error}`);
  }
}

async function limited<Value>(name: string, work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Hung(`${name} was not done within ${STEP_MS} ms`)), STEP_MS);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}

/** The driver's own limits, and a browser that is gone, say the same as ours. */
function isHung(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ['Hung', 'TimeoutError'].includes(error.name) || /has been closed|Protocol error/.test(error.message);
}

/** @returns once `work` was whole, with a fresh browser each time; throws when the third browser hung too */
async function withBrowser(launch: () => Promise<Browser>, name: string, work: (browser: Browser) => Promise<void>) {
  for (let tries = 1; ; tries++) {
    const before = passed;
    const browser = await limited(`${name}: the browser's start`, launch());
    try {
      return await work(browser);
    } catch (error) {
      if (!isHung(error) || tries === 3) throw error;
      // What failed has failed, whatever the next one says.
      passed = before;
      console.log(`again  ${name}: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
    } finally {
      await limited(`${name}: the browser's end`, browser.close()).catch(() => endChildren());
    }
  }
}

/** A browser that does not close is ended from outside. */
function endChildren(): void {
  const own = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  for (const pid of own)
    if (/chrom/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))) process.kill(-Number(pid), 'SIGKILL');
}

async function startWith(scenario: ScenarioName): Promise<RunningAggregator> {
  const aggregator = await startAggregator({ env: { MONITORING_CACHE_TTL_SECONDS: '5' } });
  await feed(aggregator, scenarioBodies(scenario, Date.now()));
  return aggregator;
}

/** Numbers of the page by what they are called, within a card. */
async function figuresOf(page: Page, card: string): Promise<Record<string, string>> {
  return page.evaluate(
    `Object.fromEntries([...document.querySelectorAll('#${card} .figure')].map((each) => [each.querySelector('dt').textContent, each.querySelector('dd').firstChild.textContent.trim()]))`,
  );
}

async function checkScenario(browser: Browser, scenario: ScenarioName, axe: string): Promise<void> {
  const aggregator = await startWith(scenario);
  try {
    const context = await signedIn(browser, aggregator.url);
    const scriptless = await signedIn(browser, aggregator.url, { javaScriptEnabled: false });
    for (const path of PAGES)
      await check(`${scenario} ${path}`, () =>
        checkPage(context, scriptless, aggregator.url + path, aggregator.url, axe),
      );
    if (scenario !== 'empty') await check(`${scenario}: numbers`, () => checkNumbers(context, aggregator));
    if (scenario === 'empty') await check('the empty page fills', () => checkFilling(context, aggregator));
    if (scenario === 'normal') await check('new data is shown within 3 s', () => checkLife(context, aggregator));
    if (scenario === 'normal')
      await check('choosers stay in the address', () => checkChoosers(context, aggregator.url));
    if (scenario === 'incident')
      await check('hostile names stay text', () => checkHostileNames(context, aggregator.url));
    await check(`${scenario}: no key in the log`, async () => assert.ok(!aggregator.log().includes(KEY)));
    if (scenario === 'normal')
      await check('an end is shown, and the return', () => checkConnection(context, aggregator));
  } finally {
    await aggregator.stop('SIGKILL');
  }
}

/** Bytes of the page and of everything that it loaded, as they were sent: compressed. */
const WEIGHT = `['navigation', 'resource'].flatMap((type) => performance.getEntriesByType(type)).reduce((sum, each) => sum + each.encodedBodySize, 0)`;
const MAX_BYTES = 60 * 1024;

async function checkPage(context: Context, scriptless: Context, url: string, base: string, axe: string): Promise<void> {
  const page = await context.newPage();
  const seen = watch(page, base);
  const status = (await page.goto(url))?.status();
  // What the address names may not exist without data; the page still stands.
  assert.ok(status === 200 || status === 404, `status ${status}`);
  await page.waitForTimeout(400);
  if (status === 404) seen.splice(0, seen.length, ...seen.filter((each) => !each.includes('404')));
  assert.deepEqual(seen, []);
  const bytes = await page.evaluate<number>(WEIGHT);
  assert.ok(bytes > 0 && bytes < MAX_BYTES, `it weighs ${bytes} bytes`);
  for (const width of [...WIDTHS, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    assert.ok(overflow <= 0, `the page is ${overflow} px wider than a window of ${width}`);
  }
  // The policy forbids inline scripts, so the checker is run by the browser itself.
  await page.evaluate(axe);
  const faults = await page.evaluate<string[]>(
    `axe.run().then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')))`,
  );
  assert.deepEqual(faults, []);
  await page.close();
  const plain = await scriptless.newPage();
  await plain.goto(url);
  const words = await plain.content();
  assert.match(words, /<h1/);
  await plain.close();
}

async function checkNumbers(context: Context, aggregator: RunningAggregator): Promise<void> {
  const client = createClient({ url: aggregator.url, key: KEY });
  const page = await context.newPage();
  await page.goto(`${aggregator.url}/`);
  const { statistics } = await client.get('/monitoring/graphql/mutations/');
  assert.deepEqual(await figuresOf(page, 'mutations'), {
    'In the window': count(statistics.total_mutations),
    Success: percent(statistics.success_rate),
    p95: milliseconds(statistics.execution_time.p95),
  });
  await page.goto(`${aggregator.url}/tasks/`);
  const tasks = (await client.get('/monitoring/celery/idempotency/', { window: 1 })).statistics;
  const keys = await figuresOf(page, 'keys');
  assert.equal(keys['Keys admitted'], count(tasks.total_requests));
  assert.equal(keys['Met a duplicate'], count(tasks.duplicate_hits));
  assert.equal(keys['Executions prevented'], count(tasks.duplicates_prevented));
  await page.goto(`${aggregator.url}/security/`);
  const sqli = await client.get('/monitoring/security/sqli/', { window: 1 });
  const injection = await figuresOf(page, 'injection');
  assert.equal(injection['Attempts'], count(sqli.total_attempts));
  assert.equal(injection['Blocked'], count(sqli.blocked_attempts));
  await page.close();
}

/** The empty page says what to do, and turns into the full one without being loaded again. */
async function checkFilling(context: Context, aggregator: RunningAggregator): Promise<void> {
  const page = await context.newPage();
  await page.goto(`${aggregator.url}/`);
  assert.match(await page.content(), /No data yet/);
  await page.evaluate('window.stayed = true');
  await feed(aggregator, scenarioBodies('normal', Date.now()));
  await waitUntil(page, `document.getElementById('mutations') !== null`);
  assert.equal(await page.evaluate('window.stayed'), true);
  await page.close();
}

async function checkLife(context: Context, aggregator: RunningAggregator): Promise<void> {
  const page = await context.newPage();
  await page.goto(`${aggregator.url}/`);
  await waitUntil(page, `document.documentElement.dataset.connection === 'live'`);
  await page.evaluate('window.stayed = true');
  const shown = (await figuresOf(page, 'mutations'))['In the window'];
  const startedMs = performance.now();
  await feed(aggregator, scenarioBodies('normal', Date.now()).slice(-1));
  await waitUntil(
    page,
    `document.querySelector('#mutations .figure dd').firstChild.textContent.trim() !== ${JSON.stringify(shown)}`,
  );
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 3000, `it took ${Math.round(tookMs)} ms`);
  assert.equal(await page.evaluate('window.stayed'), true);
  await page.close();
}

async function checkChoosers(context: Context, base: string): Promise<void> {
  const page = await context.newPage();
  await page.goto(`${base}/mutations/?window=6h&service=shop`);
  assert.equal(await page.evaluate(`document.querySelector('select[name=window]').value`), '6h');
  assert.equal(await page.evaluate(`document.querySelector('select[name=service]').value`), 'shop');
  await page.click('nav a[href^="/tasks/"]');
  assert.equal(page.url(), `${base}/tasks/?window=6h&service=shop`);
  await page.goto(`${base}/mutations/?sort=p95`);
  const shown = await page.evaluate<string>(`document.querySelector('#mutations tbody th').textContent.trim()`);
  assert.equal(shown, 'ReportMutation');
  await page.fill('[data-filter]', 'login');
  const rows = `[...document.querySelectorAll('#mutations tbody tr')].filter((row) => !row.hidden).length`;
  assert.equal(await page.evaluate(rows), 1);
  // What was filtered by the service comes back when the filter is taken away.
  await page.goto(`${base}/mutations/?name=login&sort=p95`);
  assert.equal(await page.evaluate(rows), 1);
  await page.fill('[data-filter]', '');
  await page.waitForURL(`${base}/mutations/?sort=p95`);
  assert.ok((await page.evaluate<number>(rows)) > 1);
  // Another window keeps the table's order and its filter, and writes down nothing that was not chosen.
  await page.goto(`${base}/mutations/?name=login&sort=p95`);
  await page.evaluate(`(() => {
    const chooser = document.querySelector('select[name=window]');
    chooser.value = '6h';
    chooser.dispatchEvent(new Event('change', { bubbles: true }));
  })()`);
  await page.waitForURL(`${base}/mutations/?sort=p95&name=login&window=6h`);
  assert.equal(await page.evaluate(rows), 1);
  // A space at an end asks for nothing that is not there, and is not asked for again and again.
  let loads = 0;
  page.on('load', () => loads++);
  await page.goto(`${base}/mutations/?name=login%20`);
  await page.waitForTimeout(1500);
  assert.equal(loads, 1);
  assert.equal(await page.evaluate(rows), 1);
  await page.close();
}

async function checkHostileNames(context: Context, base: string): Promise<void> {
  const page = await context.newPage();
  const seen = watch(page, base);
  await page.goto(`${base}/mutations/`);
  await page.waitForTimeout(500);
  const names = await page.evaluate<string[]>(
    `[...document.querySelectorAll('#mutations tbody th')].map((each) => each.textContent.trim())`,
  );
  for (const name of HOSTILE_NAMES) {
    assert.ok(names.includes(name), `${name} is not among ${names}`);
    await page.goto(`${base}/mutations/${encodeURIComponent(name)}/`);
    await page.waitForTimeout(200);
    assert.equal(await page.evaluate(`document.querySelector('h1').textContent`), name);
  }
  assert.equal(await page.evaluate(`document.querySelectorAll('main img, main script').length`), 0);
  assert.deepEqual(seen, []);
  await page.close();
}

async function checkConnection(context: Context, aggregator: RunningAggregator): Promise<void> {
  const page = await context.newPage();
  await page.goto(`${aggregator.url}/`);
  await waitUntil(page, `document.documentElement.dataset.connection === 'live'`);
  await aggregator.stop('SIGTERM');
  await waitUntil(page, `document.getElementById('connection').textContent.startsWith('Disconnected')`);
  const port = Number(new URL(aggregator.url).port);
  const again = await startAggregator({ directory: aggregator.directory, port });
  await waitUntil(page, `document.documentElement.dataset.connection === 'live'`);
  await again.stop('SIGKILL');
  await page.close();
}

/** Pictures of what a reader sees when data, and then the service, stays away. */
async function takeStateShots(browser: Browser, folder: string): Promise<void> {
  const aggregator = await startAggregator();
  await feed(aggregator, scenarioBodies('incident', Date.now() - 5 * 60_000));
  const pages: [name: string, page: Page][] = [];
  for (const colorScheme of SCHEMES)
    for (const width of WIDTHS) {
      const context = await signedIn(browser, aggregator.url, { colorScheme, viewport: { width, height: 900 } });
      const page = await context.newPage();
      await page.goto(`${aggregator.url}/`);
      await waitUntil(page, `document.documentElement.dataset.connection === 'live'`);
      pages.push([`${width}-${colorScheme}`, page]);
    }
  for (const [name, page] of pages) await page.screenshot({ path: join(folder, `stale-${name}.png`) });
  await aggregator.stop('SIGTERM');
  for (const [name, page] of pages) {
    await waitUntil(page, `document.getElementById('connection').textContent.startsWith('Disconnected')`);
    await page.screenshot({ path: join(folder, `disconnected-${name}.png`) });
  }
}

/** Pictures for people to look at. */
async function takeShots(browser: Browser, scenario: ScenarioName, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const aggregator = await startWith(scenario);
  for (const colorScheme of SCHEMES)
    for (const width of WIDTHS) {
      const context = await signedIn(browser, aggregator.url, { colorScheme, viewport: { width, height: 900 } });
      const page = await context.newPage();
      for (const path of scenario === 'many' ? [...PAGES, '/mutations/Update051Entity/'] : PAGES) {
        await page.goto(aggregator.url + path);
        await page.waitForTimeout(500);
        const name = `${scenario}-${path.replaceAll('/', '_')}-${width}-${colorScheme}.png`;
        await page.screenshot({ path: join(folder, name), fullPage: true });
      }
      await context.close();
    }
  await aggregator.stop('SIGKILL');
}

// Chromium without a user's interface starts faster and hangs less; the whole one does as well.
const executablePath = findProgram('chromium-headless-shell') ?? findProgram('chromium');
if (executablePath === undefined) {
  console.log('skipped: neither chromium-headless-shell nor chromium is installed');
  process.exitCode = process.env['REQUIRE_REAL'] === '1' ? 1 : 0;
} else {
  await installPeers(FOLDER);
  const require = createRequire(join(FOLDER, 'package.json'));
  const { chromium } = require('playwright-core') as { chromium: { launch(options: object): Promise<Browser> } };
  const axe = (require('axe-core') as { source: string }).source;
  const shots = process.argv.indexOf('--shots');
  const folder = resolve(process.argv[shots + 1] ?? 'shots');
  const launch = () => chromium.launch({ executablePath, args: CHROMIUM_FLAGS, timeout: STEP_MS });
  for (const scenario of SCENARIOS)
    await withBrowser(launch, scenario, (browser) =>
      shots > 0 ? takeShots(browser, scenario, folder) : checkScenario(browser, scenario, axe),
    ).catch((error: unknown) => {
      failed++;
      console.log(`failed ${scenario}\n${error instanceof Error ? error.message : error}`);
    });
  await withBrowser(launch, 'states', (browser) =>
    shots > 0 ? takeStateShots(browser, folder) : checkStates(browser, check),
  ).catch((error: unknown) => {
    failed++;
    console.log(`failed states\n${error instanceof Error ? error.message : error}`);
  });
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 ? 1 : 0);
}
