// How smooth the picture is while pods are replaced, at three sizes. The figures are printed and not held: they are the
// machine's as much as the page's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOKS, command, deploy, frames, onPage, screenshot, show, type } from './harness.mjs';

const SIZES = [[3, 20, 16], [20, 500, 16], [50, 2_000, 33]];
const SPEEDS = ['1000', '100000'];
const WATCHED = 5_000;
const CLUSTER = (nodes) => `?cluster=nodes=${nodes}%20pull=0s`;

for (const [nodes, pods, aim] of SIZES) {
  test(`frames at ${nodes} nodes and ${pods} pods while they are replaced`, { timeout: 400_000 }, onPage(
    { path: CLUSTER(nodes) },
    async (page) => {
      await deploy(page, pods);
      await type(page, 'kubectl rollout restart deployment/web');
      const session = await page.context().newCDPSession(page);
      await session.send('Performance.enable');
      const spent = async () => {
        const { metrics } = await session.send('Performance.getMetrics');
        return Object.fromEntries(metrics.map(({ name, value }) => [name, value * 1_000]));
      };
      for (const speed of SPEEDS) {
        await page.selectOption('.speed', speed);
        await page.waitForTimeout(500);
        const before = await spent();
        const seen = await frames(page, WATCHED);
        const after = await spent();
        const each = (name) => ((after[name] - before[name]) / seen.frames).toFixed(1);
        console.log(
          `# ${nodes} nodes, ${pods} pods, ${speed / 1_000}x: p50 ${seen.p50.toFixed(1)} ms, p95 ${seen.p95.toFixed(1)} ms (aim ${aim}),`,
          `max ${seen.max.toFixed(1)} ms; a frame's script ${each('ScriptDuration')} ms, style ${each('RecalcStyleDuration')} ms,`,
          `layout ${each('LayoutDuration')} ms, all ${each('TaskDuration')} ms; ${Math.round(after.Nodes / 1_000)} nodes`,
        );
      }
      await screenshot(page, `frames-${nodes}-${pods}`);
    },
  ));
}

const text = (page, selector) => page.$eval(selector, (element) => element.textContent);
/** Waits until pods are going away. */
const replaced = (page) => page.waitForFunction(() => [...document.querySelectorAll('.cells path.leaving')].some((path) => path.getAttribute('d')));
const focused = (page) => page.evaluate(() => document.activeElement.textContent.trim());

for (const { name, path, options } of LOOKS) {
  test(`many nodes and pods can be seen, and walked by keyboard alone (${name})`, { timeout: 200_000 }, onPage(
    { path: `${CLUSTER(24)}${path.replace('?', '&')}`, ...options },
    async (page) => {
      const isChinese = path.includes('zh');
      await deploy(page, 400);
      await type(page, 'kubectl rollout restart deployment/web');
      await show(page, 'cluster');
      await replaced(page);
      await screenshot(page, `frames-many-${name}`);
      // A sentence says the whole, and each node what it has.
      assert.match(await text(page, '.cluster > p'), isChinese ? /^25 个节点，其中 25 个就绪；/ : /^25 nodes, 25 of them ready; /);
      const says = await page.getAttribute('.node .cells', 'aria-label');
      assert.match(says, isChinese ? /个 Pod：/ : /\d+ pods: \d+ /);
      // Only what is in view is drawn.
      const drawn = await page.$$eval('.cells button', (all) => all.length);
      assert.ok(drawn <= 26, `one button for the pods of each node: ${drawn}`);
      if (options.viewport) {
        assert.equal(await page.$('.node-head >> text=/^worker24/'), null);
        await page.$eval('.map-scroll', (map) => map.scrollTo(0, map.scrollHeight));
        await page.waitForSelector('.node-head >> text=/^worker24/');
        await page.$eval('.map-scroll', (map) => map.scrollTo(0, 0));
      }
      // From pod to pod with the arrow keys, and into one with Enter.
      await page.focus('.node .cells button');
      const first = await focused(page);
      await page.keyboard.press('ArrowRight');
      const second = await focused(page);
      assert.notEqual(second, first);
      await page.keyboard.press('ArrowLeft');
      assert.equal(await focused(page), first);
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.detail header');
      assert.ok((await text(page, '.detail header')).includes(second.split(',')[0]));
      // From box to box.
      await show(page, 'cluster');
      await page.focus('.node-head >> nth=0');
      await page.keyboard.press('ArrowRight');
      assert.match(await focused(page), /^worker/);
    },
  ));
}

test('nodes keep their places while pods are replaced: they make room downwards, and none moves back', { timeout: 200_000 }, onPage(
  { path: CLUSTER(14) },
  async (page) => {
    await deploy(page, 150);
    await page.selectOption('.speed', '10');
    await command(page, 'kubectl rollout restart deployment/web');
    await replaced(page);
    // What has settled may be laid out anew: only while pods go does everything stay.
    const seen = () => page.evaluate(() => ({
      isGoing: [...document.querySelectorAll('.cells path.leaving')].some((path) => path.getAttribute('d')),
      places: [...document.querySelectorAll('.node')].map((node) => ({ name: node.querySelector('.name').textContent, left: node.offsetLeft, top: node.offsetTop })),
    }));
    let before = await seen();
    let compared = 0;
    for (; before.isGoing && compared < 40; compared += 1) {
      await page.waitForTimeout(100);
      const now = await seen();
      const was = new Map(before.places.map((place) => [place.name, place]));
      const moved = now.places.filter(({ name, left, top }) => now.isGoing && (left !== was.get(name)?.left || top < was.get(name).top));
      assert.deepEqual(moved, []);
      before = now;
    }
    assert.ok(compared > 3, `${compared} looks while pods were replaced`);
  },
));

test('the pods of the control plane are folded, and a press unfolds them', onPage({}, async (page) => {
  const names = () => page.$$eval('.pod', (all) => all.map((pod) => pod.title).filter((name) => /^(etcd|kube-(api|con|sch))/.test(name)).length);
  assert.equal(await names(), 0);
  assert.equal(await text(page, '.fold .name'), 'control plane: 4 pods');
  await page.focus('.fold');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('.fold').getAttribute('aria-expanded') === 'true');
  assert.equal(await names(), 4);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('.fold').getAttribute('aria-expanded') === 'false');
  assert.equal(await names(), 0);
}));
