// The main job, as a learner does it: a running cluster, a manifest applied, pods that become ready, a packet followed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { command, hurry, onPage, screenshot } from './harness.mjs';

test('the page opens on a running cluster of three nodes', onPage({}, async (page) => {
  assert.match(await page.textContent('.brand'), /simulated Kubernetes v1\.36/);
  assert.ok(await page.isVisible('.process.api'));
  await screenshot(page, 'page-open');
}));

test('a manifest applied in the editor becomes running pods', onPage({}, async (page) => {
  await page.waitForSelector('.cm-content');
  await hurry(page);
  await page.focus('.cm-content');
  await page.keyboard.press('ControlOrMeta+Enter');
  await page.waitForFunction(() => document.querySelectorAll('.pod.good[title^="web-"]').length === 3, null, { timeout: 60_000 });
  await command(page, 'kubectl get pods');
  await page.waitForFunction(() => /web-\S+\s+1\/1\s+Running/.test(document.querySelector('.terminal').textContent));
  await page.click('.pod.good[title^="web-"] >> nth=0');
  await page.waitForFunction(() => document.querySelector('.detail .why li'));
  await screenshot(page, 'page-applied');
}));

test('a packet between nodes shows the ten steps of flannel in order', onPage({}, async (page) => {
  await hurry(page);
  await page.waitForSelector('.cm-content');
  await page.click('.apply');
  await page.waitForFunction(() => document.querySelectorAll('.pod.good[title^="web-"]').length === 3, null, { timeout: 60_000 });
  await page.click('#tab-packet');
  await page.waitForSelector('.send .solid:not([disabled])');
  await page.click('.send .solid');
  await page.waitForSelector('.hops .hop', { timeout: 30_000 });
  const steps = await page.$$eval('.hop .number', (all) => all.map((n) => Number(n.textContent)));
  assert.deepEqual([...new Set(steps)], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  await page.click('.way header .solid');
  await screenshot(page, 'page-packet');
}));

test('the language changes everywhere at once and stays in the address', onPage({}, async (page) => {
  await page.click('.locale');
  assert.equal(await page.getAttribute('html', 'lang'), 'zh-CN');
  assert.match(page.url(), /lang=zh/);
  assert.equal(await page.textContent('#tab-terminal'), '终端');
}));

test('on a phone every panel can be reached', onPage({ viewport: { width: 360, height: 740 } }, async (page) => {
  for (const [n, panel] of [[1, 'lesson'], [2, 'editor'], [3, 'terminal']]) {
    await page.click(`.phone-tabs > .phone-tab >> nth=${n}`);
    await page.waitForSelector(`#panel-${panel}`, { state: 'visible' });
  }
  for (const n of [0, 1, 2, 3]) {
    await page.click('[popovertarget="more"]');
    await page.click(`#more .phone-tab >> nth=${n}`);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 360, `the page is ${wide} px wide`);
}));
