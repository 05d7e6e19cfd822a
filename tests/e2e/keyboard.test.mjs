// Every panel with the keyboard alone: into it, through it, and out of it; and what has the focus keeps it while things change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hurry, lines, onPage, screenshot } from './harness.mjs';

const SIDE = ['lesson', 'editor', 'detail'];
const DRAWER = ['terminal', 'objects', 'scheduler', 'etcd', 'ha', 'packet', 'events', 'compare'];

/** Goes to a panel: F6 to its part of the page, arrow keys along the tabs. */
const go = async (page, panel) => {
  const first = SIDE.includes(panel) ? SIDE[0] : DRAWER[0];
  const region = SIDE.includes(panel) ? '.region.side' : '.region.drawer';
  for (let tries = 0; tries < 6; tries += 1) {
    await page.keyboard.press('F6');
    if (await page.$eval(region, (part) => part.contains(document.activeElement))) break;
  }
  await page.keyboard.press('Home');
  for (let at = 0; at < 12 && (await page.evaluate(() => document.activeElement.id)) !== `tab-${panel}`; at += 1) {
    await page.keyboard.press('ArrowRight');
  }
  assert.equal(await page.evaluate(() => document.activeElement.id), `tab-${panel}`, `from tab-${first}`);
};

/** Where the focus is: nothing, the panel, or elsewhere. */
const where = (page, panel) =>
  page.evaluate((id) => {
    const at = document.activeElement;
    if (!at || at === document.body) return 'nowhere';
    return document.querySelector(`#panel-${id}`)?.contains(at) ? 'inside' : 'outside';
  }, panel);

const WORLD = [
  'kubectl create deployment web --image=nginx --replicas=2',
  'kubectl expose deployment web --port=80',
  'kubectl rollout status deployment/web',
];

test('every panel is reached, walked and left with the keyboard alone', { timeout: 240_000 }, onPage({}, async (page) => {
  await hurry(page);
  await lines(page, WORLD);
  await page.click('.pod.good[title^="web-"] >> nth=0');
  // What is walked stands still.
  await page.click('.play');
  for (const panel of [...SIDE, ...DRAWER]) {
    await go(page, panel);
    await page.waitForTimeout(200);
    await page.keyboard.press('Tab');
    let steps = 0;
    for (; steps < 700 && (await where(page, panel)) === 'inside'; steps += 1) {
      if (panel === 'terminal' || panel === 'editor') await page.keyboard.press('Escape');
      await page.keyboard.press('Tab');
    }
    assert.ok(steps > 0, `Tab leads from its tab into ${panel}`);
    assert.ok(steps < 700, `Tab leads out of ${panel}`);
    assert.notEqual(await where(page, panel), 'nowhere', `the focus is lost behind ${panel}`);
  }
}));

// What has the focus, in which panel, how it is found. (The list of events forgets its oldest lines.)
const HELD = [
  ['objects', '.rows .row-name'],
  ['objects', '.kind-line'],
  ['etcd', '.tree .leaf'],
  ['etcd', '.tree .leaf[title*="/leases/"]'],
  ['scheduler', '.decision-line'],
  ['detail', '.next-event'],
];

test('what has the focus keeps it while pods are replaced', { timeout: 240_000 }, onPage({}, async (page) => {
  await hurry(page);
  await lines(page, WORLD);
  await page.click('.process.api');
  await page.selectOption('.speed', '5000');
  for (const [panel, selector] of HELD) {
    await go(page, panel);
    await page.waitForSelector(`#panel-${panel} ${selector}`);
    await page.focus(`#panel-${panel} ${selector}`);
    const before = await page.evaluate(() => { globalThis.held = document.activeElement; return held.textContent; });
    await lines(page, ['kubectl annotate deployment web note=a --overwrite', 'kubectl scale deployment web --replicas=3', 'kubectl scale deployment web --replicas=2']);
    await page.waitForTimeout(1_500);
    const is = await page.evaluate(() => document.activeElement === globalThis.held);
    assert.ok(is, `${panel}: ${selector} (${before}) lost the focus`);
  }
  // The same button again and again: to the next event and the next.
  await go(page, 'detail');
  await page.focus('.next-event');
  for (let times = 0; times < 3; times += 1) {
    await page.keyboard.press('Enter');
    await page.waitForTimeout(400);
    assert.equal(await page.evaluate(() => document.activeElement.classList.contains('next-event')), true);
  }
  await screenshot(page, 'keyboard-detail');
}));

test('in the picture arrow keys lead from box to box', onPage({}, async (page) => {
  await page.focus('.process.api');
  await page.keyboard.press('ArrowUp');
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^etcd/);
  await page.keyboard.press('ArrowRight');
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^kube-controller-manager/);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.detail .next-event');
}));
