// Three masters: etcd's leader crashes from the panel and another leads, a majority is lost and mended, a scheduler is
// followed by another, and all of it can be seen on a desk and a phone, light and dark, in both languages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOKS, hurry, onPage, screenshot, show } from './harness.mjs';

const THREE = 'cluster=nodes%3D2%20masters%3D3%20seed%3D4';

/** The member that leads as the panel shows it; waits until there is one that is not `other`. */
const leader = async (page, other = '') => {
  const found = await page.waitForFunction(
    (other) => {
      const led = [...document.querySelectorAll('.member:has(.member-head.leads)')].map((m) => m.dataset.member);
      return led.length === 1 && led[0] !== other ? led[0] : false;
    },
    other,
    { timeout: 60_000 },
  );
  return found.jsonValue();
};

const situation = (page, name) => page.click(`[data-situation="${name}"]:not(:disabled)`);

for (const look of LOOKS) {
  const options = { path: look.path ? `${look.path}&${THREE}` : `?${THREE}`, ...look.options };
  test(`etcd's leader crashes, a majority is lost and mended, ${look.name}`, onPage(options, async (page) => {
    await hurry(page, '1000');
    assert.equal((await page.$$('.process.leads.etcd .crown[aria-label]')).length, 1, 'the picture shows who leads');
    assert.equal((await page.$$('.process.leads.control')).length, 2);
    await screenshot(page, `ha-picture-${look.name}`);
    await show(page, 'ha');
    const first = await leader(page);
    await page.waitForFunction(() => document.querySelectorAll('.candidate.leads').length === 2);
    assert.equal((await page.$$('.server .state.up')).length, 3);
    await situation(page, 'LeaderCrash');
    const second = await leader(page, first);
    assert.match(await page.textContent('.takeovers'), new RegExp(`etcd.+${second}`));
    assert.ok(await page.isVisible(`.member[data-member="${first}"] .member-head.down`));
    await screenshot(page, `ha-crashed-${look.name}`);
    await page.selectOption('.speed', '5000');
    await situation(page, 'QuorumLost');
    await page.waitForSelector('.quorum.warning');
    await page.waitForFunction(() => document.querySelectorAll('.server .state.down').length === 3, null, { timeout: 60_000 });
    await page.waitForFunction(() => !document.querySelector('.member-head.leads'), null, { timeout: 60_000 });
    await screenshot(page, `ha-quorum-${look.name}`);
    await situation(page, 'Mend');
    await leader(page);
    await page.waitForFunction(() => document.querySelectorAll('.server .state.up').length === 3, null, { timeout: 60_000 });
    assert.equal(await page.$('.quorum.warning'), null);
    assert.ok(await page.isDisabled('[data-situation="Mend"]'), 'nothing is broken any more');
    const typed = await page.$eval('.terminal', (terminal) => terminal.textContent);
    assert.match(typed, /\$ !fault crash etcd master\d/);
    assert.match(typed, /\$ !fault heal/);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the page');
  }));
}

test('the scheduler that works crashes, and a candidate takes its Lease', onPage({ path: `?${THREE}` }, async (page) => {
  await hurry(page, '5000');
  await show(page, 'ha');
  const holder = () => page.textContent('.election:first-of-type .facts dd');
  await page.waitForFunction(() => document.querySelector('.election .facts dd')?.textContent.startsWith('master'));
  const before = await holder();
  await page.focus('[data-situation="SchedulerCrash"]');
  await page.keyboard.press('Enter');
  await page.waitForFunction((before) => document.querySelector('.election .facts dd').textContent !== before, before, { timeout: 60_000 });
  assert.match(await page.textContent('.takeovers li'), /kube-scheduler: master\d_\S+ became leader/);
  const took = (await holder()).split('_')[0];
  await page.waitForFunction((took) => document.querySelector('.election .candidate.leads .name')?.textContent === took, took);
  assert.ok(await page.isVisible('.election:first-of-type .candidate.down'), 'the one that crashed is shown to be down');
  await screenshot(page, 'ha-scheduler');
}));

test('one master shows what there is of it', onPage({}, async (page) => {
  await show(page, 'ha');
  await page.waitForSelector('.member[data-member="etcd1"] .log .cell');
  assert.equal((await page.$$('.server')).length, 1);
  assert.equal((await page.$$('.process.leads')).length, 0, 'who is alone needs no crown');
  assert.equal(await page.$('[data-situation="LeaderCrash"]'), null);
  await screenshot(page, 'ha-one');
}));
