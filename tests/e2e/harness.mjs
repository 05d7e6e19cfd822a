// What every end-to-end test needs: the built page on a free port of 127.0.0.1, Chromium with an empty profile, and a list of
// everything that went wrong in it.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, extname, isAbsolute, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const { chromium } = createRequire(join(root, '.web/package.json'))('playwright-core');

/** The page that `make test` built; KUBARIUM_DIST names another. */
export const dist = process.env.KUBARIUM_DIST ?? join(root, 'target/page');

/** The native program, as it was built last; undefined where it was not. */
export const native = ['quick', 'debug', 'release']
  .map((profile) => join(root, 'target', profile, 'kubarium'))
  .filter((path) => existsSync(path))
  .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.md': 'text/markdown; charset=utf-8',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Where a program is, as a shell would find it. */
const onPath = (name) =>
  [name, ...process.env.PATH.split(delimiter).map((folder) => join(folder, name))].find((path) => isAbsolute(path) && existsSync(path));

/** Where Chromium is; undefined where it is not. */
export const chromiumPath = onPath(process.env.CHROMIUM ?? 'chromium');

/** Serves a folder; resolves to `{ url, close }`. Without `offline`, the page is not told where its service worker is. */
export function serve(folder = dist, offline = true) {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname));
    const file = join(folder, path.endsWith('/') ? `${path}index.html` : path);
    const found = statSync(file, { throwIfNoEntry: false })?.isFile();
    response.writeHead(found ? 200 : 404, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
    const told = found && !offline && file.endsWith('index.html');
    const text = () => readFileSync(file, 'utf8').replace(/ data-offline="[^"]*"/, '');
    response.end(told ? text() : found ? readFileSync(file) : 'not found');
  });
  return new Promise((resolve) => {
    const close = () => {
      server.close();
      server.closeAllConnections();
    };
    server.listen(0, '127.0.0.1', () => resolve({ url: `http://127.0.0.1:${server.address().port}/`, close }));
  });
}

/**
 * Opens a browser with an empty profile on the served page. Options: those of a Playwright context (viewport, colorScheme,
 * locale, …), `path`, which is appended to the address, and `folder`, which is served; with `offline` the page keeps
 * itself for offline use. The answer has `browser`, `page`, `server`, `url`, `problems` and `close()`.
 */
export async function open({ path = '', folder = dist, offline = false, ...context } = {}) {
  const server = await serve(folder, offline);
  const profile = mkdtempSync(join(tmpdir(), 'kubarium-e2e-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath,
    headless: true,
    args: FLAGS,
    viewport: { width: 1440, height: 900 },
    locale: 'en-US',
    ...context,
  });
  const page = browser.pages()[0] ?? (await browser.newPage());
  const problems = watch(page);
  await page.goto(server.url + path, { waitUntil: 'load' });
  const close = async () => {
    await browser.close();
    server.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { browser, page, server, problems, url: server.url, close };
}

/** Collects what a page must never do: console warnings and errors, uncaught errors, failed requests, requests to elsewhere. */
export function watch(page) {
  const problems = [];
  page.on('console', (message) => {
    if (['warning', 'error'].includes(message.type())) problems.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`uncaught: ${error.stack ?? error}`));
  page.on('crash', () => problems.push('the page crashed'));
  page.on('requestfailed', (request) => problems.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${response.status()}: ${response.url()}`);
  });
  page.on('request', (request) => {
    if (!/^(http:\/\/127\.0\.0\.1:|data:|blob:)/.test(request.url())) problems.push(`asks elsewhere: ${request.url()}`);
  });
  return problems;
}

/** Waits for a running cluster. */
export const ready = (page) => page.waitForFunction(() => document.querySelectorAll('.node').length >= 3, null, { timeout: 60_000 });

/** Runs `act` on an open page and holds that nothing went wrong in it but what `expected` matches. */
export const onPage = (options, act, expected = []) => async () => {
  const { page, problems, close } = await open(options);
  try {
    await ready(page);
    await act(page);
    assert.deepEqual(problems.filter((problem) => !expected.some((words) => words.test(problem))), []);
  } catch (error) {
    const picture = await screenshot(page, `failed-${Date.now()}`);
    const said = await page.$eval('.terminal', (terminal) => terminal.textContent).catch(() => '(not shown)');
    error.message += `\nthe page: ${picture}\nits terminal:\n${said}\nits problems: ${problems.join('\n')}`;
    throw error;
  } finally {
    await close();
  }
};

/** Types a line into the terminal. */
export const command = async (page, line) => {
  await page.click('#tab-terminal');
  await page.fill('#terminal-input', line);
  await page.press('#terminal-input', 'Enter');
};

/** Brings a panel to the front, on a desk or a phone. */
export const show = async (page, panel) => {
  const tab = `#tab-${panel}`;
  if (await page.isVisible(tab)) return page.click(tab);
  const first = ['cluster', 'lesson', 'editor', 'terminal'].indexOf(panel);
  if (await page.isHidden('.phone-tabs')) return;
  if (first >= 0) return page.click(`.phone-tabs > .phone-tab >> nth=${first}`);
  await page.click('[popovertarget="more"]');
  const at = ['detail', 'objects', 'scheduler', 'packet', 'etcd', 'events', 'ha', 'compare'].indexOf(panel);
  await page.click(`#more .phone-tab >> nth=${at}`);
};

export const PHONE = { width: 360, height: 740 };
/** How the page looks in every panel: a desk and a phone, light and dark, English and Chinese. */
export const LOOKS = [
  { name: 'desk-light-en', path: '', options: {} },
  { name: 'desk-dark-zh', path: '?lang=zh', options: { colorScheme: 'dark' } },
  { name: 'phone-light-zh', path: '?lang=zh', options: { viewport: PHONE } },
  { name: 'phone-dark-en', path: '', options: { viewport: PHONE, colorScheme: 'dark' } },
];

/** Types a line into the terminal, which need not be in front, and does not wait for it. */
export const type = (page, line) =>
  page.evaluate((text) => {
    const input = document.querySelector('#terminal-input');
    input.value = text;
    input.dispatchEvent(new Event('input', { bubbles: true }));
    input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
  }, line);

/** Runs lines one after the other, each until it is done. */
export const lines = async (page, all) => {
  for (const line of all) {
    const before = await page.$$eval('.terminal .echo', (echo) => echo.length);
    await type(page, line);
    await page.waitForFunction(
      (n) => document.querySelectorAll('.terminal .echo').length > n && !document.querySelector('.input-line button'),
      before,
      { timeout: 60_000 },
    );
  }
};

/** Lets virtual time run freely, so that a test does not watch messages crawl. */
export const hurry = async (page, speed = '5000') => {
  await page.click('.follow[aria-pressed="true"]');
  await page.selectOption('.speed', speed);
};

/** The times between frames for so long, in milliseconds: `{ p50, p95, max, frames }`. */
export const frames = async (page, ms) => {
  const all = await page.evaluate((length) => new Promise((resolve) => {
    const times = [];
    const next = (at) => {
      times.push(at);
      if (at - times[0] < length) requestAnimationFrame(next);
      else resolve(times.slice(1).map((time, n) => time - times[n]));
    };
    requestAnimationFrame(next);
  }), ms);
  all.sort((a, b) => a - b);
  const at = (share) => all[Math.min(all.length - 1, Math.floor(all.length * share))];
  return { p50: at(0.5), p95: at(0.95), max: at(1), frames: all.length };
};

/** Makes a Deployment `web` with so many pods, and waits until all are ready. */
export const deploy = async (page, count, patience = 240_000) => {
  await hurry(page);
  await lines(page, [`kubectl create deployment web --image=nginx --replicas=${count}`]);
  await type(page, 'kubectl rollout status deployment/web --timeout=600s');
  await page.waitForFunction(
    () => document.querySelector('.terminal .output').textContent.includes('successfully rolled out'),
    null,
    { timeout: patience },
  );
};

/** Saves a picture of the page as target/screenshots/NAME.png and answers its path. */
export async function screenshot(page, name) {
  const folder = join(root, 'target/screenshots');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path });
  return path;
}
