// The palette: everything is found by typing and reached by keys alone, on a desk and a phone, in both languages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOKS, lines, onPage, screenshot } from './harness.mjs';

/** Opens the palette with a key, types, and waits until the entry is the first. */
const find = async (page, key, text, first) => {
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press(key);
  await page.waitForSelector('#palette:popover-open');
  await page.keyboard.type(text);
  await page.waitForFunction((first) => document.querySelector('#palette-at')?.textContent.startsWith(first), first);
};

for (const { name, path, options } of LOOKS) {
  const zh = path.includes('zh');
  test(
    `whatever there is is found by typing, ${name}`,
    onPage({ path, ...options }, async (page) => {
      await lines(page, ['kubectl create deployment palette-shop --image=nginx']);
      // An object, by a part of its name and its kind.
      await find(page, 'Control+k', 'deploy shop', 'palette-shop');
      await screenshot(page, `palette-${name}`);
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.querySelector('#panel-detail h2')?.textContent.includes('palette-shop'));
      // An action, with the key for where nothing is typed.
      await find(page, ':', zh ? '暂停' : 'pause', zh ? '暂停' : 'Pause');
      await page.keyboard.press('Enter');
      await page.waitForFunction((name) => document.querySelector('.play').getAttribute('aria-label') === name, zh ? '运行' : 'Run');
      // A lesson; the second of what is found.
      await find(page, 'Control+k', 'flannel', '');
      const second = await page.textContent('.palette-entry >> nth=1');
      await page.keyboard.press('ArrowDown');
      await page.waitForFunction((second) => document.querySelector('#palette-at').textContent === second, second);
      await page.keyboard.press('Enter');
      await page.waitForSelector('article.lesson');
      // What is not there is said; Escape leaves everything as it was.
      await page.keyboard.press('Control+k');
      await page.keyboard.type('no such thing');
      await page.waitForSelector('#palette [role="status"]');
      await page.keyboard.press('Escape');
      await page.waitForSelector('#palette:popover-open', { state: 'detached' });
      // The keys.
      await page.evaluate(() => document.activeElement?.blur());
      await page.keyboard.press('?');
      await page.waitForSelector('.palette-keys');
      assert.ok((await page.$$('.palette-keys kbd')).length >= 8);
      await screenshot(page, `palette-keys-${name}`);
    }),
  );
}
