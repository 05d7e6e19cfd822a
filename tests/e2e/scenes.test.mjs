// Ready clusters: one click in the list, or an address.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, ready, screenshot } from './harness.mjs';

const pods = (page, start, count) =>
  page.waitForFunction(
    ([start, count]) => document.querySelectorAll(`.pod[title^="${start}"]`).length === count,
    [start, count],
    { timeout: 60_000 },
  );

const says = (page, words) =>
  page.waitForFunction((words) => document.querySelector('.terminal')?.textContent.includes(words), words, { timeout: 60_000 });

for (const [locale, title] of [['en', 'Stuck rollout'], ['zh', '卡住的升级']]) {
  test(`a scene is one click in the list (${locale})`, async () => {
    const { page, problems, close } = await open({ path: `?lang=${locale}` });
    try {
      await ready(page);
      await page.click('.whole .lessons');
      await page.click(`a.lesson-title:has-text("${title}")`);
      await pods(page, 'web-', 5);
      await page.click('#tab-terminal');
      await says(page, '$ kubectl set image deployment/web nginx=nginx:1.161');
      await says(page, 'ImagePullBackOff');
      await screenshot(page, `scene-${locale}`);
      assert.deepEqual(problems, []);
    } finally {
      await close();
    }
  });
}

test('a scene is an address, which a reload does not follow again', async () => {
  const { page, problems, close } = await open({ path: '?scene=canary' });
  try {
    await ready(page);
    await pods(page, 'shop-', 5);
    assert.equal(new URL(page.url()).searchParams.get('scene'), null);
    assert.deepEqual(problems, []);
  } finally {
    await close();
  }
});
