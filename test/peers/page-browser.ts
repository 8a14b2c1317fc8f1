/** What the checks of the page share: as much of the browser's driver as they use, and a reader who is signed in. */
import assert from 'node:assert/strict';
import { KEY, type RunningAggregator } from '../support/aggregator.ts';

/** As much of playwright-core as is used here: its types are installed with the peers, not with the project. */
export interface Browser {
  newContext(options: object): Promise<Context>;
  close(): Promise<void>;
}
export interface Context {
  newPage(): Promise<Page>;
  setDefaultTimeout(ms: number): void;
  addCookies(cookies: readonly object[]): Promise<void>;
  cookies(): Promise<{ name: string; httpOnly: boolean; sameSite: string }[]>;
  close(): Promise<void>;
}
export interface Page {
  on(event: string, listener: (value: never) => void): void;
  goto(url: string): Promise<{ status(): number } | null>;
  fill(selector: string, text: string): Promise<void>;
  click(selector: string): Promise<void>;
  url(): string;
  /** Until the address is there and loaded. */
  waitForURL(url: string): Promise<void>;
  content(): Promise<string>;
  evaluate<Value>(script: string): Promise<Value>;
  waitForTimeout(ms: number): Promise<void>;
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  screenshot(options: object): Promise<unknown>;
  emulateMedia(options: object): Promise<void>;
  readonly keyboard: { press(key: string): Promise<void> };
  close(): Promise<void>;
}

/** Playwright's own way of waiting evaluates text inside the page, which the page's policy forbids. */
export async function waitUntil(page: Page, condition: string, withinMs = 15_000): Promise<void> {
  const startedMs = performance.now();
  while (!(await page.evaluate<boolean>(condition))) {
    if (performance.now() - startedMs > withinMs)
      throw new Error(`within ${withinMs} ms it did not come: ${condition}`);
    await page.waitForTimeout(50);
  }
}

/** What takes longer hangs: a browser does so now and then on a machine that stands still for a while. */
export const STEP_MS = 30_000;

/** Everything that a page must not do, while it is watched. */
export function watch(page: Page, base: string): string[] {
  const seen: string[] = [];
  page.on('console', (message: never) => {
    const { type, text } = message as { type(): string; text(): string };
    if (['error', 'warning'].includes(type.call(message))) seen.push(`console: ${text.call(message)}`);
  });
  page.on('pageerror', (error: never) => seen.push(`error: ${(error as Error).message}`));
  page.on('dialog', (dialog: never) => {
    seen.push('a script of somebody else ran');
    void (dialog as { dismiss(): Promise<void> }).dismiss();
  });
  page.on('request', (request: never) => {
    const url = (request as { url(): string }).url();
    if (!url.startsWith(base) && !url.startsWith('data:')) seen.push(`request outside: ${url}`);
    if (url.includes(KEY)) seen.push('the key stands in an address');
  });
  return seen;
}

export async function signedIn(browser: Browser, base: string, options: object = {}): Promise<Context> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(STEP_MS / 2);
  const page = await context.newPage();
  await page.goto(`${base}/sign-in`);
  await page.fill('#key', KEY);
  await page.click('button');
  // A tab that is told to close while it still goes somewhere may never do so: Chromium forgets that it was told.
  await page.waitForURL(`${base}/`);
  const cookie = (await context.cookies()).find(({ name }) => name === 'vigil_session');
  assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], [true, 'Strict']);
  await page.close();
  return context;
}

export async function feed(aggregator: RunningAggregator, bodies: readonly Buffer[]): Promise<void> {
  for (const body of bodies) {
    const answer = await aggregator.post('/v1/metrics', body, { 'Content-Type': 'application/json' });
    assert.equal(answer.status, 200);
    const told = (await answer.json()) as { partialSuccess?: { errorMessage?: string } };
    assert.equal(told.partialSuccess?.errorMessage ?? '', '');
  }
}
