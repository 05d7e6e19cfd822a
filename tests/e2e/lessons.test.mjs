// Every lesson is finished in both languages, as a learner would: each step is open until its solution was run.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hurry, onPage, root, screenshot } from './harness.mjs';

const count = readdirSync(join(root, 'lessons')).filter((name) => name.endsWith('.en.md')).length;

/** Runs what the open step offers as its solution, one command after the other; the step may be met before the last of them. */
const solve = async (page, step) => {
  await page.click(`${step} .row button:last-child`);
  await page.waitForSelector(`${step} .solution .command`);
  const commands = await page.$$eval(`${step} .solution .command`, (all) => all.length);
  for (let n = 0; n < commands; n += 1) {
    const lines = await page.$$eval('.terminal .echo', (all) => all.length);
    const pressed = await page.evaluate(
      ([where, at]) => {
        const button = document.querySelectorAll(where)[at];
        button?.click();
        return button !== undefined;
      },
      [`${step}.open .solution .command button`, n],
    );
    if (!pressed) return;
    await page.waitForFunction(
      (before) => document.querySelectorAll('.terminal .echo').length > before && !document.querySelector('.input-line button'),
      lines,
      { timeout: 60_000 },
    );
  }
};

for (const lang of ['en', 'zh']) {
  for (let n = 0; n < count; n += 1) {
    test(`lesson ${n + 1} is finished, ${lang}`, onPage({ path: `?lang=${lang}` }, async (page) => {
      await page.click('.whole .lessons');
      await page.click(`.lesson-title >> nth=${n}`);
      await page.waitForSelector('.lesson .step.open');
      await hurry(page, '20000');
      const steps = await page.$$eval('.lesson .step', (all) => all.length);
      for (let at = 0; at < steps; at += 1) {
        const step = `.lesson .step:nth-child(${at + 1})`;
        await page.waitForSelector(`${step}.open .missing`, { timeout: 60_000 });
        await solve(page, step);
        await page.waitForSelector(`${step}.met`, { timeout: 180_000 });
      }
      await page.waitForSelector('.lesson .finished');
      await screenshot(page, `lesson-${n + 1}-${lang}`);
      assert.deepEqual(await page.evaluate(() => [document.documentElement.scrollTop, document.body.scrollTop]), [0, 0], 'only the panel scrolls');
      assert.equal(await page.getAttribute('.lesson progress', 'value'), String(steps));
      const title = await page.textContent('.lesson h2');
      assert.equal(await page.locator('.next-lesson').count(), n + 1 < count ? 1 : 0);
      if (n === 0) {
        await page.click('.next-lesson');
        await page.waitForFunction((before) => document.querySelector('.lesson h2')?.textContent !== before, title);
        await page.waitForSelector('.lesson .step.open');
      }
    }));
  }
}
