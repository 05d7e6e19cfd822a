// What kubectl edit gives to the page's editor and takes back, and a cluster of another kind chosen in a form.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOKS, hurry, lines, onPage, screenshot, type } from './harness.mjs';

const said = (page, words) =>
  page.waitForFunction(([source]) => new RegExp(source).test(document.querySelector('.terminal .output').textContent), [words.source], { timeout: 60_000 });

const shown = (page, words) =>
  page.waitForFunction(([source]) => new RegExp(source).test(document.querySelector('.cm-content')?.textContent ?? ''), [words.source], { timeout: 30_000 });

/** Replaces what is at the end of a line of the editor, and saves. */
const save = async (page, line, chars, text) => {
  await page.locator('.cm-line', { hasText: line }).first().click();
  await page.keyboard.press('End');
  for (let n = 0; n < chars; n += 1) await page.keyboard.press('Backspace');
  await page.keyboard.type(text);
  await page.click('.lent .save');
};

for (const look of LOOKS) {
  const options = { ...look.options, path: look.path };

  test(`kubectl edit hands its text to the editor and takes it back, ${look.name}`, onPage(options, async (page) => {
    await hurry(page);
    await lines(page, ['kubectl create deployment web --image=nginx']);
    await type(page, 'kubectl edit deployment web');
    await page.waitForSelector('.lent .save', { state: 'visible' });
    await shown(page, /Please edit the object below/);
    await screenshot(page, `edit-${look.name}`);
    await save(page, /^ {2}replicas: 1$/, 1, '-1');
    // What is wrong comes back with the reason, and what was typed is still there.
    await shown(page, /spec.replicas: Invalid value: -1/);
    await screenshot(page, `edit-refused-${look.name}`);
    await save(page, /^ {2}replicas: -1$/, 2, '2');
    await page.waitForSelector('.lent', { state: 'detached' });
    const own = await page.textContent('.cm-content');
    assert.doesNotMatch(own, /Please edit the object below/, 'the learner has their own text again');
    await said(page, /deployment.apps\/web edited/);
    await lines(page, ['kubectl get deployment web -o jsonpath={.spec.replicas}']);
    await said(page, /replicas\}\s*2/);
  }));

  test(`a cluster of another kind is chosen in a form, ${look.name}`, onPage(options, async (page) => {
    await page.click('.new-cluster');
    await page.waitForSelector('.cluster-form', { state: 'visible' });
    const choose = (n, value) => page.selectOption(`.cluster-form select >> nth=${n}`, value);
    await choose(0, '2');
    await choose(3, 'ipvs');
    await choose(4, 'lc');
    await screenshot(page, `new-cluster-${look.name}`);
    await page.click('.cluster-form > button');
    await page.waitForFunction(() => document.querySelectorAll('.node').length === 3, null, { timeout: 60_000 });
    await hurry(page);
    await lines(page, ['node worker1 ipvsadm -L -n']);
    await said(page, /10\.96\.0\.1:443 lc/);
  }));
}
