// The scheduler's decisions, every object with its page, an autoscaler's chart, shared volumes, a rolling update, faults, and
// the cluster that is still there after a reload.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOOKS, PHONE, command, hurry, lines, onPage, ready, root, screenshot, show } from './harness.mjs';

const pods = (page, prefix, count) =>
  page.waitForFunction(
    ([name, n]) => document.querySelectorAll(`.pod.good[title^="${name}"]`).length === n,
    [prefix, count],
    { timeout: 90_000 },
  );

const apply = (text) => `kubectl apply -f - <<'EOF'\n${text}\nEOF`;

const BIG = apply(`apiVersion: v1
kind: Pod
metadata: {name: big}
spec:
  containers: [{name: c, image: nginx, resources: {requests: {cpu: "64"}}}]`);

const SHARED = apply(`apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteMany]
  storageClassName: manual
  hostPath: {path: /srv}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: manual
  resources: {requests: {storage: 1Gi}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: files}
spec:
  replicas: 3
  selector: {matchLabels: {app: files}}
  template:
    metadata: {labels: {app: files}}
    spec:
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}, {name: scratch, emptyDir: {}}]
      containers:
      - {name: web, image: nginx, volumeMounts: [{name: data, mountPath: /usr/share/nginx/html, readOnly: true}, {name: scratch, mountPath: /tmp}]}
      - {name: cache, image: redis, volumeMounts: [{name: scratch, mountPath: /data}]}`);

for (const look of LOOKS) {
  const options = { path: look.path, ...look.options };

  test(`the scheduler shows scores, verdicts and who waits, ${look.name}`, onPage(options, async (page) => {
    await hurry(page);
    await lines(page, ['kubectl create deployment web --image=nginx --replicas=2', BIG]);
    await pods(page, 'web-', 2);
    await page.click('.pod.good[title^="web-"] >> nth=0');
    await page.click('.why-node');
    await page.waitForSelector('.scores .chosen-row .total');
    const sums = await page.$$eval('.scores .chosen-row td:not(.total) b', (all) => all.map((b) => Number(b.textContent)));
    const total = Number(await page.textContent('.scores .chosen-row .total b'));
    assert.equal(sums.reduce((a, b) => a + b, 0), total);
    assert.ok((await page.$$('.points > li')).length >= 10);
    await screenshot(page, `scheduler-chosen-${look.name}`);
    await page.click('.queued .name');
    await page.waitForSelector('.decided .fate.failed');
    assert.match(await page.textContent('.decided .message'), /0\/4 nodes are available/);
    assert.match(await page.textContent('.scores'), /NodeResourcesFit.*Insufficient cpu/);
    await screenshot(page, `scheduler-failed-${look.name}`);
    await page.click('.what-if summary');
    const wonder = async (text) => {
      await page.fill('.what-if textarea', text);
      await page.click('.what-if button');
    };
    await wonder('spec:\n  nodeSelctor: {}');
    await page.waitForFunction(() => /2:3: unknown field "spec.nodeSelctor"/.test(document.querySelector('.what-if .message')?.textContent));
    await wonder('kind: Node\nmetadata: {name: worker2}\nstatus: {allocatable: {cpu: 128}}');
    await page.waitForFunction(() => document.querySelector('.what-if .fate')?.textContent === '→ worker2');
    assert.ok(await page.isVisible('.decided .fate.failed'), 'nothing of it has happened');
    await page.locator('.what-if').scrollIntoViewIfNeeded();
    await screenshot(page, `scheduler-what-if-${look.name}`);
  }));

  test(`every object has a row and a page with what kubectl describe prints, ${look.name}`, onPage(options, async (page) => {
    await hurry(page);
    await lines(page, ['kubectl create deployment web --image=nginx --replicas=2']);
    await pods(page, 'web-', 2);
    await page.waitForTimeout(500);
    await lines(page, ['kubectl describe deployment web']);
    await show(page, 'objects');
    await page.waitForSelector('.kind-line');
    assert.ok((await page.$$('.kind-line')).length > 35);
    await page.click('.kind-line:has-text("Deployment")');
    await page.waitForFunction(() => /web/.test(document.querySelector('.rows tbody')?.textContent ?? ''));
    await screenshot(page, `objects-${look.name}`);
    await page.fill('#objects-filter', 'coredns');
    await page.waitForFunction(() => !/web/.test(document.querySelector('.rows tbody').textContent));
    await page.fill('#objects-filter', 'web');
    await page.waitForFunction(() => /^web/.test(document.querySelector('.rows tbody .row-name')?.textContent ?? ''));
    await page.press('.rows .row-name', 'd');
    await page.waitForFunction(() => /^Name: +web\n/.test(document.querySelector('.described')?.textContent ?? ''));
    const told = await page.textContent('.described');
    const printed = await page.textContent('.terminal .output');
    assert.ok(printed.includes(told.slice(0, told.indexOf('Events:'))), 'the description is that of kubectl');
    await screenshot(page, `object-page-${look.name}`);
  }));

  test(`a rolling update and a shared claim can be seen in the picture, ${look.name}`, onPage(options, async (page) => {
    await hurry(page);
    await lines(page, [SHARED]);
    await pods(page, 'files-', 3);
    await page.click('.shelf.persistentvolumeclaim');
    await page.waitForSelector('.volume .mounts li');
    assert.equal((await page.$$('.volume .mounts li')).length, 3);
    await screenshot(page, `volumes-${look.name}`);
    await lines(page, ['kubectl set image deployment/files web=nginx:nope']);
    if (look.options.viewport) await page.click('.phone-tabs > .phone-tab >> nth=0');
    await page.waitForFunction(() => document.querySelectorAll('.shelf.deployment[title^="Deployment/files"] .segment').length === 2);
    await page.waitForSelector('.pod.outdated');
    await page.waitForTimeout(1_500);
    await page.click('.shelf.deployment[title^="Deployment/files"]');
    await page.waitForSelector('.generations li.outdated');
    await screenshot(page, `update-page-${look.name}`);
    if (look.options.viewport) await page.click('.phone-tabs > .phone-tab >> nth=0');
    assert.ok((await page.$$('.ties path')).length >= 3, 'the chosen workload is tied to its pods');
    await screenshot(page, `update-${look.name}`);
  }));

  test(`an autoscaler shows its metric, target and replicas over time, ${look.name}`, onPage(options, async (page) => {
    await hurry(page, '20000');
    const file = (name) => apply(readFileSync(join(root, 'tests/data', name), 'utf8').trimEnd());
    await lines(page, [
      file('metrics-server.yaml'),
      file('php-apache.yaml'),
      'kubectl rollout status deployment/php-apache',
      'kubectl autoscale deployment php-apache --cpu=50% --min=1 --max=10',
      'kubectl run load --image=busybox -- /bin/sh -c "while sleep 0.01; do wget -q -O- http://php-apache; done"',
    ]);
    await show(page, 'objects');
    await page.click('.kind-line:has-text("HorizontalPodAutoscaler")');
    await page.click('.rows .row-name:text-is("php-apache")');
    await page.waitForFunction(() => Number(/(\d+)$/.exec(document.querySelectorAll('.chart .plot .title')[1]?.textContent ?? '')?.[1]) > 1, null, { timeout: 120_000 });
    assert.match(await page.getAttribute('.chart [role="img"]', 'aria-label'), /cpu \d+% \/ 50%/);
    assert.match(await page.getAttribute('.chart .metric', 'd'), /^M.*H.*V/);
    await screenshot(page, `chart-${look.name}`);
  }));

  test(`a fault from the menu is a command of the log, and is mended, ${look.name}`, onPage(options, async (page) => {
    await hurry(page);
    await page.click('.faults');
    await screenshot(page, `faults-${look.name}`);
    await page.selectOption('.faults-box fieldset >> nth=0 >> select', 'worker2');
    await page.click('.faults-box fieldset >> nth=0 >> button >> nth=0');
    await page.waitForSelector('.node.down');
    assert.match(await page.textContent('.terminal .output'), /!fault crash node worker2/);
    await page.click('.faults');
    await page.click('.faults-box .plain .quiet');
    await page.waitForFunction(() => !document.querySelector('.node.down'));
  }));
}

for (const look of LOOKS) {
  test(`the terminal is a shell: variables, loops over several lines, jobs, ${look.name}`, onPage({ path: look.path, ...look.options }, async (page) => {
    const says = (pattern) => page.waitForFunction(
      (text) => new RegExp(text, 'm').test(document.querySelector('.terminal').innerText),
      pattern,
      { timeout: 60_000 },
    );
    await hurry(page);
    await show(page, 'terminal');
    const type = async (line) => {
      await page.fill('#terminal-input', line);
      await page.press('#terminal-input', 'Enter');
    };
    await type('kubectl create deployment web --image=nginx --replicas=2; kubectl rollout status deploy/web');
    await says('successfully rolled out');
    await type('POD=$(kubectl get pods -l app=web -o name | head -n 1)');
    await type('echo "the first is $POD"');
    await says('^the first is pod/web-');
    await type('for n in 1 2');
    await says('^> *$');
    await type('do kubectl create namespace team-$n; done');
    await says('^namespace/team-2 created');
    await type('kubectl port-forward deploy/web 8080:80 &');
    await says('^Forwarding from 127.0.0.1:8080 -> 80');
    await type('curl -s localhost:8080 | grep title; jobs');
    await says('^<title>Welcome to nginx!</title>\\s+\\[1\\] Running kubectl port-forward');
    await type('kill %1');
    // What is offered is seen whole, with the line below it.
    await page.fill('#terminal-input', 'echo $(kubectl get ns team-');
    await page.press('#terminal-input', 'Tab');
    await page.waitForSelector('.candidates');
    await page.waitForFunction(() => {
      const [line, screen] = ['#terminal-input', '.terminal'].map((one) => document.querySelector(one).getBoundingClientRect());
      return line.bottom <= screen.bottom + 1;
    });
    assert.match(await page.textContent('.candidates'), /team-1\s*team-2/);
    await screenshot(page, `terminal-shell-${look.name}`);
  }));
}

test('the cluster is still there after a reload, until a fresh one is asked for', onPage({}, async (page) => {
  await hurry(page);
  await lines(page, ['kubectl create deployment web --image=nginx --replicas=2']);
  await pods(page, 'web-', 2);
  await page.waitForTimeout(300);
  await page.reload();
  await ready(page);
  await page.waitForSelector('.notice.restored');
  await pods(page, 'web-', 2);
  await screenshot(page, 'restored');
  await page.click('.notice.restored button >> nth=0');
  await ready(page);
  await page.waitForFunction(() => !document.querySelector('.pod[title^="web-"]'));
  await page.reload();
  await ready(page);
  assert.equal(await page.$('.notice.restored'), null);
}));

test('on a phone a lesson stays in front while its commands run', onPage({ viewport: PHONE }, async (page) => {
  await page.click('.phone-tabs > .phone-tab >> nth=1');
  await page.click('.lesson-title >> nth=0');
  await page.waitForSelector('.lesson .step.open .command button');
  await page.click('.lesson .step.open .command button >> nth=0');
  await page.waitForSelector('.said pre');
  assert.ok(await page.isVisible('.lesson'));
  await screenshot(page, 'phone-lesson');
}));

for (const look of LOOKS) {
  test(`whatever is asked why leads back to what was done, ${look.name}`, onPage({ path: look.path, ...look.options }, async (page) => {
    const root = (words) =>
      page.waitForFunction((last) => document.querySelector('.events .why li:last-child .what')?.textContent.includes(last), words, { timeout: 60_000 });
    await hurry(page);
    await lines(page, ['kubectl run web --image=nginx --port=80 --expose', 'kubectl run client --image=busybox -- sleep 1d']);
    await pods(page, 'client', 1);
    await pods(page, 'web', 1);
    await lines(page, ['kubectl label pod web tier=front', 'kubectl exec client -- wget -qO- web']);
    // A packet.
    await show(page, 'packet');
    await page.click('.packet-line:has-text("HTTP") >> nth=0');
    await page.waitForFunction(() => document.querySelector('.way')?.getBoundingClientRect().top < innerHeight / 3 * 2, null, { timeout: 5_000 });
    assert.ok((await page.locator('.way').boundingBox()).height > 100, 'its way can be seen');
    await page.click('.why-sent');
    await root('kubectl exec client -- wget');
    assert.ok(await page.evaluate(() => {
      const { top, bottom } = document.querySelector('.events .why li').getBoundingClientRect();
      return top >= 0 && bottom <= window.innerHeight;
    }), 'the chain is in sight');
    await screenshot(page, `why-packet-${look.name}`);
    // A field.
    if (look.options.viewport) await page.click('.phone-tabs > .phone-tab >> nth=0');
    await page.click('.pod.good[title^="web"] >> nth=0');
    await page.click('.fold-changes summary');
    const changed = page.locator('.changes li', { hasText: 'metadata.labels.tier' });
    await changed.waitFor();
    await screenshot(page, `why-field-${look.name}`);
    await changed.locator('.why-changed').click();
    await root('kubectl label pod web tier=front');
    // A drop, and a link of its chain.
    await lines(page, ['!fault link worker1 loss=100%', '!fault link worker2 loss=100%', 'kubectl exec client -- wget -qO- -T 2 web']);
    await show(page, 'packet');
    await page.click('.packet-line.dropped >> nth=0');
    await page.click('.why-ended');
    await root('link worker');
  }));
}
