// The editor knows the schema: what could stand at the cursor, and what a field is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onPage, screenshot } from './harness.mjs';

/** Puts a text into the editor, the cursor at its end. */
const write = async (page, text) => {
  await page.click('.cm-content');
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(text);
};
const offered = async (page) => {
  await page.waitForSelector('.cm-tooltip-autocomplete li');
  return page.$$eval('.cm-tooltip-autocomplete li', (all) => all.map((one) => one.textContent));
};
const text = (page) => page.$$eval('.cm-line', (lines) => lines.map((line) => line.textContent).join('\n'));

for (const [locale, required, says, values] of [
  ['en', 'required', 'How many pods there shall be', 'One of: '],
  ['zh', '必填', '期望的 Pod 数量', '可选值：'],
]) {
  test(`fields, kinds and words are completed, and fields say what they are (${locale})`, onPage({ path: `?lang=${locale}` }, async (page) => {
    await page.waitForSelector('.cm-content');
    await write(page, 'apiVersion: apps/v1\nkind: ');
    await page.keyboard.press('Control+Space');
    const kinds = await offered(page);
    assert.ok(kinds.some((kind) => kind.startsWith('StatefulSet')) && !kinds.some((kind) => kind.startsWith('Pod')), `${kinds}`);
    await page.keyboard.type('Depl');
    await page.waitForFunction(() => document.querySelectorAll('.cm-tooltip-autocomplete li').length === 1);
    // A list that has just changed takes no key yet, so that nobody chooses what he has not seen.
    await page.waitForTimeout(150);
    await page.keyboard.press('Enter');
    assert.equal(await text(page), 'apiVersion: apps/v1\nkind: Deployment');
    // While typing; what is put in leads on to what is in it.
    await page.keyboard.press('Enter');
    await page.keyboard.type('spe');
    await offered(page);
    await page.waitForTimeout(150);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => [...document.querySelectorAll('.cm-tooltip-autocomplete li')].some((one) => /^replicas/.test(one.textContent)));
    const fields = await offered(page);
    assert.ok(fields.includes(`selectorLabelSelector · ${required}`), `${fields}`);
    await screenshot(page, `editor-complete-${locale}`);
    await page.keyboard.press('Escape');
    await write(page, 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  type: ');
    await page.keyboard.press('Control+Space');
    assert.deepEqual((await offered(page)).sort(), ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']);
    await page.keyboard.press('Escape');
    // Under the pointer, and for the line of the cursor.
    await write(page, 'apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: 3');
    await page.waitForFunction((words) => document.querySelector('.field-at')?.textContent.includes(words), says);
    await page.hover('.cm-line:nth-child(4) span >> text=replicas');
    await page.waitForSelector('.cm-field');
    assert.match(await page.textContent('.cm-field'), new RegExp(`^spec\\.replicas <integer>${says}`));
    await screenshot(page, `editor-hover-${locale}`);
    await write(page, 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  type: NodePort');
    await page.waitForFunction((words) => document.querySelector('.field-at')?.textContent.includes(words), values);
  }));
}
