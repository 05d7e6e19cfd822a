// The page loads, and nothing goes wrong while it does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, screenshot } from './harness.mjs';

for (const [width, height] of [[1440, 900], [360, 740]]) {
  for (const colorScheme of ['light', 'dark']) {
    for (const locale of ['en-US', 'zh-CN']) {
      test(`the page loads without a complaint at ${width} px, ${colorScheme}, ${locale}`, async () => {
        const { page, problems, close } = await open({ viewport: { width, height }, colorScheme, locale });
        try {
          await page.waitForFunction(() => document.body.childElementCount > 0, null, { timeout: 60_000 });
          await page.waitForTimeout(1_000);
          await screenshot(page, `load-${width}-${colorScheme}-${locale}`);
          assert.match(await page.title(), /Kubarium/);
          assert.deepEqual(problems, []);
        } finally {
          await close();
        }
      });
    }
  }
}
