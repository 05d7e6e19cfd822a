// One panel in a teacher's page or slide: an iframe on another origin, and what it leaves alone.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { hurry, lines, open, ready, screenshot } from './harness.mjs';

/** A page of somebody else that embeds an address. */
const teacher = (address) => {
  const html = `<!doctype html><title>A slide</title><h1>A slide</h1><iframe src="${address}" title="Kubarium" width="720" height="480"></iframe>`;
  const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(html));
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ url: `http://localhost:${server.address().port}/`, server })));
};

const PANELS = [
  ['cluster', '.node'],
  ['terminal', '#terminal-input'],
  ['packet', '.packets'],
  ['etcd', '.tree .leaf'],
  ['ha', '.ha'],
  ['events', '.event-row'],
  ['scheduler', '.decisions, .who-waits'],
  ['objects', '.objects'],
  ['lesson', '.lessons-list .lesson-title'],
  ['editor', '.editor .cm-content'],
];

test('every panel can be embedded in the page of somebody else', async () => {
  const { page, problems, url, close } = await open();
  try {
    await ready(page);
    for (const [panel, shows] of PANELS) {
      const theirs = await teacher(`${url}?embed=${panel}&lang=zh&theme=dark`);
      await page.goto(theirs.url);
      const frame = page.frameLocator('iframe');
      await frame.locator('.embed-bar').waitFor();
      await frame.locator('.embed-bar .play[aria-label="暂停"]').waitFor({ timeout: 60_000 });
      await frame.locator(shows).first().waitFor({ timeout: 60_000 });
      assert.equal(await frame.locator('html').getAttribute('data-theme'), 'dark');
      assert.equal(await frame.locator('.embed-bar a').textContent(), '在 Kubarium 中打开');
      assert.equal(await frame.locator('.top-bar, .timeline, .phone-tabs').count(), 0, 'one panel');
      const whole = new URL(await frame.locator('.embed-bar a').getAttribute('href'));
      assert.equal(whole.searchParams.get('embed'), null);
      await screenshot(page, `embed-${panel}`);
      theirs.server.close();
      theirs.server.closeAllConnections();
    }
    assert.deepEqual(problems.filter((problem) => !/favicon|localhost|ERR_ABORTED/.test(problem)), []);
  } finally {
    await close();
  }
});

test('what is embedded plays and pauses, and leaves alone what this browser kept', async () => {
  const { page, problems, url, close } = await open();
  try {
    await ready(page);
    await page.goto(`${url}?embed=terminal`);
    await page.waitForSelector('#terminal-input');
    await page.waitForFunction(() => document.querySelector('.embed-bar .play')?.getAttribute('aria-label') === 'Pause', null, { timeout: 60_000 });
    await page.fill('#terminal-input', 'kubectl create configmap theirs');
    await page.press('#terminal-input', 'Enter');
    await page.waitForFunction(() => document.querySelector('.terminal .output').textContent.includes('configmap/theirs created'), null, { timeout: 60_000 });
    await page.click('.embed-bar .play');
    await page.waitForFunction(() => document.querySelector('.embed-bar .play').getAttribute('aria-label') === 'Run');
    assert.equal(await page.evaluate(() => localStorage.getItem('kubarium.world')), null);
    assert.deepEqual(problems, []);
  } finally {
    await close();
  }
});

test('a link in an iframe shows its packet', async () => {
  const { page, problems, url, close } = await open();
  try {
    await ready(page);
    await hurry(page);
    await lines(page, ['kubectl create deployment web --image=nginx --replicas=3']);
    await page.waitForFunction(() => document.querySelectorAll('.pod.good[title^="web-"]').length === 3, null, { timeout: 60_000 });
    await page.click('#tab-packet');
    await page.click('.packets .send .solid:not([disabled])');
    await page.waitForSelector('.hop', { timeout: 60_000 });
    await page.waitForSelector('.packet-list li');
    await page.click('.share');
    await page.click('.share-what label:nth-of-type(2) input');
    await page.waitForFunction(() => document.querySelector('#share-link').value.includes('#2.'));
    const link = new URL(await page.inputValue('#share-link')).hash;
    assert.match(await page.textContent('.embed-code pre'), /<iframe src="http:\/\/127\.0\.0\.1:\d+\/\?embed=packet#2\./);
    const theirs = await teacher(`${url}?embed=packet${link}`);
    await page.goto(theirs.url);
    await page.frameLocator('iframe').locator('.hop').first().waitFor({ timeout: 60_000 });
    await screenshot(page, 'embed-one-packet');
    theirs.server.close();
    theirs.server.closeAllConnections();
    assert.deepEqual(problems.filter((problem) => !/favicon|localhost|ERR_ABORTED/.test(problem)), []);
  } finally {
    await close();
  }
});
