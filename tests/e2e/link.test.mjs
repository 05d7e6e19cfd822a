// A link made in the page opens in a browser that has never seen it, on the same world.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { execFileSync } from 'node:child_process';
import { command, hurry, native, open, ready } from './harness.mjs';

/** The link to the world as it is now, and the digest of that world. */
const share = async (page) => {
  await page.click('.share');
  await page.waitForFunction(() => /^[0-9a-f]{16}$/.test(document.querySelector('#share-digest').textContent));
  const link = await page.inputValue('#share-link');
  return { link: new URL(link).hash, digest: await page.textContent('#share-digest') };
};

test('a link opens in a fresh profile on the same digest', async () => {
  const first = await open();
  let there;
  try {
    const { page, problems } = first;
    await ready(page);
    await hurry(page);
    await command(page, 'kubectl create deployment web --image=nginx --replicas=2');
    await page.waitForFunction(() => document.querySelectorAll('.pod.good[title^="web-"]').length === 2, null, { timeout: 60_000 });
    await command(page, 'kubectl scale deployment web --replicas=3');
    await page.waitForFunction(() => document.querySelectorAll('.pod.good[title^="web-"]').length === 3, null, { timeout: 60_000 });
    there = await share(page);
    assert.deepEqual(problems, []);
  } finally {
    await first.close();
  }
  const second = await open({ path: there.link });
  try {
    const { page, problems } = second;
    await ready(page);
    await page.waitForFunction(() => document.querySelectorAll('.pod.good[title^="web-"]').length === 3, null, { timeout: 60_000 });
    assert.deepEqual(await share(page), there);
    assert.deepEqual(problems, []);
  } finally {
    await second.close();
  }
  if (native) {
    assert.equal(execFileSync(native, ['run', '--link', there.link.slice(1)], { encoding: 'utf8' }).trim(), there.digest);
  }
});

test('a damaged link says so and leaves a running cluster', async () => {
  const { page, close } = await open({ path: '#1.AAAA' });
  try {
    await ready(page);
    await page.waitForSelector('.trouble .notice.waiting');
  } finally {
    await close();
  }
});
