// The timeline: two moments compared, something done in the past, the branch that is kept, its name, the way back, steps and
// jumps, and all of it there again after a reload; on a desk and a phone, light and dark, in both languages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOKS, hurry, lines, onPage, ready, screenshot, show, type } from './harness.mjs';

const SCALE = 'kubectl scale deployment web --replicas=3';
const time = (page) => page.textContent('.transport .time');

/** Lets time run until nothing changes any more. */
const settle = async (page) => {
  const name = await page.textContent('.settle');
  const before = await time(page);
  await page.click('.settle');
  await page.waitForFunction(
    ([name, before]) =>
      document.querySelector('.settle').textContent === name && document.querySelector('.transport .time').textContent !== before,
    [name, before],
    { timeout: 60_000 },
  );
};

for (const { name, path, options } of LOOKS) {
  const zh = path.includes('zh');
  const phone = name.startsWith('phone');
  test(`the past is acted in, and the future is still there, ${name}`, onPage({ path, ...options }, async (page) => {
    await hurry(page, '20000');
    await lines(page, ['kubectl create deployment web --image=nginx']);
    await settle(page);
    await page.click('.mark-now');
    await show(page, 'compare');
    await page.waitForSelector('.compare .hint');
    await lines(page, [SCALE]);
    await settle(page);
    const end = await time(page);

    // What differs from the mark, in the whole cluster and of one object.
    await page.waitForSelector('.changed-object');
    const fields = await page.$$eval('.changed-object', (all) => all.map((one) => one.textContent));
    const web = fields.find((text) => text.includes('spec.replicas'));
    assert.match(web ?? fields.join('\n'), /spec\.replicas1 3/);
    assert.ok((await page.$$('.differences .came li')).length >= 2, 'two pods came');
    await screenshot(page, `timeline-compare-${name}`);
    await page.click('.changed-object .name:text-is("Deployment/web")');
    await page.waitForSelector('.diff .plus');
    assert.match(await page.textContent('.diff'), /-  replicas: 1\n\+  replicas: 3\n/);
    await screenshot(page, `timeline-since-${name}`);

    // In the past something else is done.
    await page.press('.scrubber', 'Home');
    await page.waitForFunction((end) => document.querySelector('.transport .time').textContent < end, end);
    await type(page, '!fault crash kubelet worker1');
    await page.waitForSelector('.notice.forked');
    const said = await page.textContent('.notice.forked p');
    assert.match(said, zh ? /已保留为分支/ : /is kept as branch/);
    assert.match(said, /kubectl create deployment web/);
    await screenshot(page, `timeline-forked-${name}`);

    // The branch that was kept gets a name.
    await page.click('.branch-button');
    await page.waitForSelector('#branches .branch-go:not([aria-current])');
    assert.equal((await page.$$('#branches .branch')).length, 2);
    await page.click('#branches .branch:has(.branch-go:not([aria-current])) .quiet');
    await page.fill('#branches input', zh ? '扩容' : 'the plan');
    await screenshot(page, `timeline-branches-${name}`);
    await page.press('#branches input', 'Enter');
    await page.waitForSelector(`#branches .branch-go:has-text("${zh ? '扩容' : 'the plan'}")`);

    // And is gone back to, by the keyboard.
    await page.focus('#branches .branch-go:not([aria-current])');
    await page.keyboard.press('Enter');
    await page.waitForFunction((end) => document.querySelector('.transport .time').textContent === end, end);
    assert.match(await page.textContent('.branch-button'), zh ? /扩容/ : /the plan/);
    assert.equal(await page.$('.notice.forked'), null);

    // One event back.
    await page.click('.transport .key >> nth=1');
    await page.waitForFunction((end) => document.querySelector('.transport .time').textContent < end, end);
    if (!phone) {
      const now = await time(page);
      await page.click('.last-event');
      await page.waitForFunction((now) => document.querySelector('.transport .time').textContent < now, now);
      await page.click('.next-event');
      await show(page, 'events');
      await page.click('.event-line:last-child .event-go');
    }
    await page.press('.scrubber', 'End');
    await page.waitForFunction((end) => document.querySelector('.transport .time').textContent >= end, end);

    // All of it is there again after a reload.
    await page.reload();
    await ready(page);
    await page.waitForSelector('.branch-button');
    assert.match(await page.textContent('.branch-button'), zh ? /扩容/ : /the plan/);
    await screenshot(page, `timeline-again-${name}`);
  }));
}
