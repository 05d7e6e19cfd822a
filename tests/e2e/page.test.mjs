// The main job, as a learner does it: a running cluster, a manifest applied, pods that become ready, a packet followed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { command, hurry, lines, onPage, screenshot, show } from './harness.mjs';

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

test('what would become of a packet from outside the cluster is told without sending it', onPage({ path: '?cluster=nodes%3D2%20pull%3D0s' }, async (page) => {
  await hurry(page);
  await lines(page, [
    'kubectl run web --image=nginx --port=80',
    'kubectl wait --for=condition=Ready pod/web',
    'kubectl create service nodeport web --tcp=80:80 --node-port=30080',
    'kubectl label pod web app=web',
  ]);
  await show(page, 'packet');
  const chosen = (label) => page.locator('.send label', { hasText: label }).locator('select');
  await chosen('From').selectOption({ label: 'client (outside the cluster) · 203.0.113.10' });
  await chosen('To').selectOption({ label: 'worker1 (node port) · 192.168.1.21' });
  const before = await page.locator('.packet-line').count();
  await page.click('.send .try');
  await page.waitForSelector('.way .tried');
  const scopes = await page.$$eval('.way .scope', (all) => all.map((scope) => scope.textContent));
  assert.ok(scopes[0].includes('client'), `${scopes}`);
  assert.ok(scopes.some((scope) => scope.includes('worker1')), `${scopes}`);
  assert.equal(await page.locator('.packet-line').count(), before, 'nothing was sent');
  await screenshot(page, 'packet-tried');
  await page.click('.locale');
  assert.match(await page.textContent('.way .tried'), /集群副本/);
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

test('the manifests of the articles and a guestbook run as they stand', onPage({}, async (page) => {
  await page.waitForSelector('.cm-content');
  await hurry(page, '20000');
  const examples = [
    ['nginx', 'rollout status deployment/nginx-deployment', /nginx-deployment-\S+ +1\/1 +Running(.|\n)+nginx-deployment-\S+ +1\/1 +Running(.|\n)+nginx-deployment-\S+ +1\/1 +Running/],
    ['demon', 'rollout status deployment/demon-pod', /demon-pod-\S+ +2\/2 +Running/],
    ['guestbook', 'wait --for=condition=Available deployment --all --timeout=300s', /frontend-\S+ +1\/1 +Running(.|\n)+redis-follower-\S+ +1\/1 +Running(.|\n)+redis-leader-\S+ +1\/1 +Running/],
  ];
  const said = (words) =>
    page.waitForFunction(([source]) => new RegExp(source).test(document.querySelector('.terminal .output').textContent), [words.source], { timeout: 90_000 });
  const idle = () => page.waitForFunction(() => !document.querySelector('.input-line button'), null, { timeout: 90_000 });
  for (const [example, patience, expected] of examples) {
    await page.selectOption('.bar select', example);
    await page.click('.apply');
    await idle();
    await command(page, `kubectl ${patience}`);
    await page.waitForTimeout(200);
    await idle();
    await command(page, 'kubectl get pods');
    await said(expected);
  }
  await said(/Warning: apps\/v1beta2 Deployment is deprecated/);
  await screenshot(page, 'page-examples');
}));
