// The page without a network, a newer version of it, and what its security policy forbids.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dist, onPage, open, ready, screenshot } from './harness.mjs';

/** Waits until the service worker has everything and answers for the page. */
const kept = (page) =>
  page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) {
      await new Promise((taken) => navigator.serviceWorker.addEventListener('controllerchange', taken, { once: true }));
    }
  });

test('after the first visit the page needs no network', async () => {
  const { browser, page, problems, server, close } = await open({ offline: true });
  try {
    await ready(page);
    await kept(page);
    server.close();
    await browser.setOffline(true);
    await page.reload({ waitUntil: 'load' });
    await ready(page);
    await page.click('#tab-editor');
    await page.waitForSelector('.cm-content');
    assert.deepEqual(problems, []);
  } finally {
    await close();
  }
});

test('a newer version is offered, and taken when the learner wants it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubarium-newer-'));
  cpSync(dist, folder, { recursive: true });
  const { page, problems, close } = await open({ offline: true, folder, path: '?lang=zh' });
  try {
    await ready(page);
    await kept(page);
    const script = join(folder, 'service-worker.js');
    writeFileSync(script, readFileSync(script, 'utf8').replace(/VERSION = "\w+"/, 'VERSION = "newer"'));
    await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
    const notice = page.locator('.notice', { hasText: '页面已有新版本' });
    await notice.waitFor();
    await screenshot(page, 'newer-version');
    await Promise.all([page.waitForEvent('load'), notice.locator('.solid').click()]);
    await ready(page);
    assert.deepEqual(await page.evaluate(() => caches.keys()), ['kubarium-newer']);
    assert.deepEqual(problems, []);
  } finally {
    await close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('no script runs but its own', onPage({}, async (page) => {
  const ran = await page.evaluate(async () => {
    const blocked = new Promise((told) => document.addEventListener('securitypolicyviolation', (event) => told(event.effectiveDirective), { once: true }));
    const script = document.createElement('script');
    script.textContent = 'window.injected = true';
    document.head.append(script);
    return [await blocked, window.injected ?? false];
  });
  assert.deepEqual(ran, ['script-src-elem', false]);
}, [/Content Security Policy/]));
