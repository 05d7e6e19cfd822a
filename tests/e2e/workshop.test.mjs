// A teacher's path, end to end: a lesson is built in the page, shared, opened in a fresh profile, failed, hinted at, passed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PHONE, hurry, lines, native, open, ready, screenshot } from './harness.mjs';

const WIDE = { viewport: { width: 1440, height: 900 } };
const LOOKS = [
  { name: 'desk-en', lang: 'en', options: WIDE },
  { name: 'desk-zh', lang: 'zh', options: { ...WIDE, colorScheme: 'dark' } },
  { name: 'phone-en', lang: 'en', options: { viewport: PHONE, colorScheme: 'dark' } },
  { name: 'phone-zh', lang: 'zh', options: { viewport: PHONE } },
];

/** What would run a script if anything of it became HTML or an address. */
const HOSTILE = '<img src=x onerror="globalThis.owned=1"> <script>globalThis.owned=1</script> [click](javascript:globalThis.owned=1)';

/** Runs `act` on a page with a fresh profile and holds that nothing went wrong in it. */
const inProfile = async (options, act) => {
  const { page, problems, close } = await open(options);
  try {
    await ready(page);
    await act(page, problems);
    assert.deepEqual(problems, []);
  } catch (error) {
    error.message += `\nthe page: ${await screenshot(page, `failed-${Date.now()}`)}\nits problems: ${problems.join('\n')}`;
    throw error;
  } finally {
    await close();
  }
};

const toLessons = async (page) => {
  const tab = (await page.isVisible('.phone-tabs')) ? '.phone-tabs .phone-tab >> nth=1' : '#tab-lesson';
  await page.click(tab);
};

/** Replaces the text in the workshop's editor. */
const write = async (page, change) => {
  const text = await page.evaluate(() => localStorage.getItem('kubarium.draft'));
  await page.click('.workshop .cm-content');
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText(change(text));
  await page.waitForFunction((before) => localStorage.getItem('kubarium.draft') !== before, text);
};

const draft = (page) => page.evaluate(() => localStorage.getItem('kubarium.draft'));

for (const look of LOOKS) {
  test(`a lesson is built, shared, failed, hinted at and passed, ${look.name}`, async () => {
    let link;
    let text;
    await inProfile({ ...look.options, path: `?lang=${look.lang}` }, async (page) => {
      await hurry(page);
      await lines(page, ['kubectl create deployment db --image=redis']);
      await toLessons(page);
      await page.click('.make-lesson');
      await page.waitForSelector('.workshop .cm-content');
      await page.waitForFunction(() => localStorage.getItem('kubarium.draft')?.includes('kubectl create deployment db --image=redis'));
      await page.waitForSelector('.draft-check:not(.holds)');
      await page.waitForSelector('.live .draft-fault');
      await screenshot(page, `workshop-begun-${look.name}`);
      await write(page, (was) => was.replace('```check', `${HOSTILE}\n\`\`\`check`));
      // Record the solution in the first step.
      await page.locator('.workshop .cm-line', { hasText: '```check' }).first().click();
      await page.click('.workshop .record');
      await page.waitForSelector('.recording');
      await lines(page, ['kubectl run web --image=nginx:1.25']);
      await page.waitForFunction(() => localStorage.getItem('kubarium.draft').includes('```solution\nkubectl run web --image=nginx:1.25\n```'), null, { timeout: 60_000 });
      await toLessons(page);
      await page.waitForSelector('.draft-check.holds', { timeout: 60_000 });
      await page.waitForSelector('.live .draft-good');
      await page.click('.workshop .record[aria-pressed="true"]');
      await page.click('.workshop .add-quiz');
      await page.waitForFunction(() => localStorage.getItem('kubarium.draft').includes('```quiz'));
      await write(page, (was) => was.replace(/```quiz[^`]*```\n/, ''));
      await screenshot(page, `workshop-recorded-${look.name}`);
      text = await draft(page);
      // It is played through as the command line would.
      await page.click('.workshop .rehearse');
      await page.waitForSelector('.draft-good.rehearsed', { timeout: 120_000 });
      // It is never lost.
      await page.reload();
      await ready(page);
      assert.equal(await draft(page), text);
      await page.click('.notice.restored button:last-child');
      await toLessons(page);
      await page.click('.make-lesson');
      await page.waitForSelector('.draft-steps');
      // It is tried, and left again for the workshop.
      await page.click('.workshop .try');
      await page.waitForSelector('.lesson .not-ours');
      await page.waitForSelector('.step.open .missing');
      await page.click('.go-on');
      await page.waitForSelector('.workshop .share-draft:not([disabled])');
      await page.click('.workshop .share-draft');
      await page.waitForFunction(() => document.querySelector('#share-link').value.includes('#2.'));
      await page.waitForSelector('.share-box .qr');
      await screenshot(page, `workshop-shared-${look.name}`);
      link = new URL(await page.inputValue('#share-link')).hash;
    });
    await inProfile({ ...look.options, path: `?lang=${look.lang}${link}` }, async (page) => {
      await page.waitForSelector('.lesson .not-ours');
      await page.waitForSelector('.step.open .missing');
      assert.match(await page.textContent('.lesson .prose >> nth=1'), /<script>globalThis.owned=1<\/script>/, 'it is text');
      assert.equal(await page.$('.lesson script, .lesson img, .lesson a[href^="javascript"]'), null);
      assert.equal(await page.evaluate(() => globalThis.owned), undefined);
      await screenshot(page, `workshop-opened-${look.name}`);
      await hurry(page);
      await lines(page, ['kubectl run wbe --image=nginx:1.25']);
      await page.waitForTimeout(500);
      assert.notEqual(await page.$('.step.open .missing'), null, 'something else does not do');
      await toLessons(page);
      await page.click('.step.open .row button:first-child');
      await page.waitForSelector('.step.open .remark');
      await lines(page, ['kubectl run web --image=nginx:1.25']);
      await page.waitForSelector('.lesson .finished', { timeout: 60_000 });
      await screenshot(page, `workshop-finished-${look.name}`);
      // A reload goes on with it.
      await page.reload();
      await ready(page);
      await toLessons(page);
      await page.waitForSelector('.lesson .finished');
    });
    if (native && look.name === 'desk-en') {
      const file = join(mkdtempSync(join(tmpdir(), 'kubarium-lesson-')), 'lesson.en.md');
      writeFileSync(file, text);
      assert.match(execFileSync(native, ['lesson', 'check', file], { encoding: 'utf8' }), /: good\n$/);
      assert.equal(execFileSync(native, ['link', file], { encoding: 'utf8' }).slice(0, 3), '#2.');
    }
  });
}

test('the Markdown is saved, changed by hand and opened again, and a text that was replaced comes back', async () => {
  await inProfile(WIDE, async (page) => {
    await toLessons(page);
    await page.click('.make-lesson');
    await page.waitForSelector('.workshop .cm-content');
    await page.waitForSelector('.draft-steps li');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('.workshop .save-draft')]);
    assert.equal(download.suggestedFilename(), 'lesson.en.md');
    const saved = readFileSync(await download.path(), 'utf8');
    assert.equal(saved, await draft(page));
    const other = saved.replace('My lesson', 'Another lesson').replace('pods web', 'pots web');
    await page.setInputFiles('.open-draft', { name: 'x.md', mimeType: 'text/markdown', buffer: Buffer.from(other) });
    await page.waitForSelector('.live .draft-fault:has-text("\\"pots\\" is not a resource such as pods")');
    assert.equal(await page.textContent('.live .draft-fault .mono'), '11:1');
    await page.click('.workshop .earlier');
    await page.waitForFunction((text) => localStorage.getItem('kubarium.draft') === text, saved);
  });
});

test('a file that cannot be opened is refused in words, and the cluster is as it was', async () => {
  await inProfile(WIDE, async (page) => {
    await hurry(page);
    await lines(page, ['kubectl create configmap mine']);
    const bad = [
      ['damaged.kubarium', '#2.AAAA', /damaged/],
      ['future.kubarium', '#99.AAAA', /later version/],
      ['lesson.md', '---\ntitle: T\n---\n## S\n```check\npots\n```\n', /6:1: "pots" is not a resource/],
      ['hostile.md', '---\n'.repeat(100_000), /at most 256 KiB/],
    ];
    for (const [name, text, words] of bad) {
      await page.click('.share');
      await page.setInputFiles('.open-file', { name, mimeType: 'text/plain', buffer: Buffer.from(text) });
      await page.waitForSelector('.notice.refused');
      assert.match(await page.textContent('.notice.refused'), words);
      await page.click('.notice.refused button');
    }
    await lines(page, ['kubectl get configmap mine -o name']);
    await page.waitForFunction(() => document.querySelector('.terminal .output').textContent.includes('configmap/mine\n'));
    // A link that is too long for a link becomes a file, which opens again.
    const words = Array.from({ length: 9000 }, () => Math.random().toString(36).slice(2, 7)).join('');
    await lines(page, [`kubectl create configmap big --from-literal=a=${words}`]);
    await page.click('.share');
    await page.waitForSelector('.share-long');
    await page.waitForSelector('.no-qr');
    await screenshot(page, 'share-too-long');
    const digest = await page.textContent('#share-digest');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('.save-link')]);
    const file = readFileSync(await download.path());
    await page.setInputFiles('.open-file', { name: 'cluster.kubarium', mimeType: 'text/plain', buffer: file });
    await page.click('.share');
    await page.waitForFunction((there) => document.querySelector('#share-digest').textContent === there, digest, { timeout: 60_000 });
    if (native) {
      assert.equal(execFileSync(native, ['run', '--link', await download.path()], { encoding: 'utf8' }).trim(), digest);
    }
  });
});

test('a damaged link in the address leaves the cluster that this browser kept', async () => {
  await inProfile(WIDE, async (page) => {
    await hurry(page);
    await lines(page, ['kubectl create configmap mine']);
    await page.waitForFunction(() => localStorage.getItem('kubarium.world') !== null);
    await page.goto(new URL('?again#2.AAAA', page.url()).href);
    await ready(page);
    await page.waitForSelector('.notice.refused');
    await lines(page, ['kubectl get configmap mine -o name']);
    await page.waitForFunction(() => document.querySelector('.terminal .output').textContent.includes('configmap/mine\n'));
  });
});
