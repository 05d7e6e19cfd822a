// What axe-core finds in every panel, in every look: nothing.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOOKS, hurry, lines, onPage, root, show } from './harness.mjs';

const axe = readFileSync(join(root, '.web/node_modules/axe-core/axe.min.js'), 'utf8');

/** Violations of what the page shows now, each in a line. */
const violations = async (page, where) => {
  // What has just opened has come to rest.
  await page.waitForTimeout(300);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  const line = (rule, node) => `${where}: ${rule.id}: ${node.target.join(' ')}: ${node.failureSummary.replaceAll('\n', ' ')}`;
  return found.violations.flatMap((rule) => rule.nodes.map((node) => line(rule, node)));
};

const PANELS = ['cluster', 'lesson', 'editor', 'terminal', 'detail', 'objects', 'scheduler', 'packet', 'etcd', 'events', 'ha', 'compare'];

for (const { name, path, options } of LOOKS) {
  test(
    `axe finds nothing in any panel (${name})`,
    onPage({ path, ...options }, async (page) => {
      await page.evaluate(axe);
      const found = await violations(page, 'at the start');
      await hurry(page);
      await lines(page, [
        'kubectl create deployment web --image=nginx --replicas=3',
        'kubectl expose deployment web --port=80',
        'kubectl rollout status deployment/web',
        'kubectl run client --image=busybox --restart=Never -- wget -qO- http://web',
        'kubectl wait --for=jsonpath={.status.phase}=Succeeded pod/client --timeout=60s',
        'kubectl get pods',
      ]);
      for (const panel of PANELS) {
        await show(page, panel);
        found.push(...(await violations(page, panel)));
      }
      // Each panel with something chosen in it.
      await show(page, 'objects');
      await page.click('.objects .row-name >> nth=0');
      await show(page, 'detail');
      found.push(...(await violations(page, 'an object')));
      await show(page, 'lesson');
      await page.click('.lessons-list ol button >> nth=0');
      await page.waitForSelector('article.lesson');
      found.push(...(await violations(page, 'a lesson')));
      for (const [opener, box] of [['', '#palette'], ['.share', '#share'], ['.faults', '#faults'], ['.new-cluster', '#new-cluster']]) {
        await (opener ? page.click(opener) : page.keyboard.press('Control+k'));
        await page.waitForSelector(`${box}:popover-open`);
        found.push(...(await violations(page, box)));
        await page.keyboard.press('Escape');
      }
      assert.deepEqual(found, []);
    }),
  );
}
