// Each fault of the network, found as a learner would: a request that gets no answer, the packet panel, the packet that went
// missing, and who or what ended it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hurry, lines, onPage, screenshot, show } from './harness.mjs';

/** The backend, what is broken, where the packet ends, what the panel says of it, and to whom the request goes. */
const FAULTS = [
  ['vxlan', 'link worker2 loss=100%', 'worker1', 'an injected fault took it', 'pod'],
  ['vxlan', 'link worker2 mtu=1400', 'worker1', '1400', 'pod'],
  ['vxlan', 'wrong-fdb worker1 worker2', 'master1', 'addressed to', 'pod'],
  ['vxlan', 'stale-route worker1 worker2', 'worker1', 'nobody answered who has', 'pod'],
  ['vxlan', 'conntrack worker1 full', 'worker1', 'conntrack', 'pod'],
  ['vxlan', 'ip-forward worker1 off', 'worker1', 'forward', 'pod'],
  ['vxlan', 'drop-rule worker1 nat PREROUTING 1', 'worker1', 'no rule sends the address of Service', 'service'],
  ['host-gw', 'partition worker2', 'worker1', 'the link is cut', 'pod'],
  ['udp', 'crash flanneld worker2', 'worker2', 'nobody listens on port 8285', 'pod'],
];

const on = (node) => `--overrides='{"spec":{"nodeName":"${node}"}}'`;

/** A client on one node and a server on the other; resolves to the server's address. */
async function clientAndServer(page) {
  await hurry(page);
  await lines(page, [
    `kubectl run web --image=nginx ${on('worker2')}`,
    `kubectl run client --image=curlimages/curl ${on('worker1')} --command -- sleep 1d`,
    'kubectl wait --for=condition=Ready pod/web pod/client',
    'kubectl get pod web -o jsonpath={.status.podIP}',
  ]);
  return (await page.innerText('.terminal .output')).match(/10\.244\.\d+\.\d+/)[0];
}

for (const [backend, fault, where, why, target] of FAULTS) {
  const path = `?cluster=${encodeURIComponent(`nodes=2 pull=0s seed=13 proxy=iptables backend=${backend}`)}`;
  test(`the packet panel names the culprit of: ${fault} (${backend})`, onPage({ path }, async (page) => {
    const pod = await clientAndServer(page);
    if (target === 'service') {
      await lines(page, ['kubectl expose pod web --port=80 --cluster-ip=10.96.0.80', 'kubectl get service web', 'kubectl exec client -- sleep 5']);
    }
    const ip = target === 'service' ? '10.96.0.80' : pod;
    await lines(page, [
      `kubectl exec client -- curl -s http://${ip}`,
      `!fault ${fault}`,
      `kubectl exec client -- curl -s -m 3 http://${ip}/${'long'.repeat(350)}`,
    ]);
    await show(page, 'packet');
    await page.click('.packet-line.dropped >> nth=0');
    await page.waitForSelector('.way .hops');
    await page.click('.way .hop >> nth=-1');
    const [outcome, hop] = await Promise.all(['.way .outcome', '.way .now'].map((part) => page.innerText(part)));
    assert.ok(outcome.includes(why), `${outcome} does not say: ${why}`);
    assert.ok(hop.includes(where), `${hop} is not on ${where}`);
    await screenshot(page, `culprit-${fault.split(' ')[0]}-${fault.split(' ').at(-1).replace(/[^a-z0-9]/g, '')}`);
    await page.click('.why-ended');
    await page.waitForFunction((words) => document.querySelector('.events .why li:last-child .what')?.textContent.includes(words), fault);
  }));
}

/** What brings packets late or twice, and what the panel says of it where the packet passes the cable. */
const LATE = [
  ['link worker2 delay=50ms', 'late (an injected fault)'],
  ['link worker2 jitter=50ms', 'late (an injected fault)'],
  ['link worker2 duplicate=100%', 'twice'],
];

for (const [fault, why] of LATE) {
  const path = `?cluster=${encodeURIComponent('nodes=2 pull=0s seed=13 proxy=iptables backend=vxlan')}`;
  test(`the packet panel tells of: ${fault}`, onPage({ path }, async (page) => {
    const ip = await clientAndServer(page);
    await lines(page, [`!fault ${fault}`, `kubectl exec client -- curl -s http://${ip}`]);
    await show(page, 'packet');
    await page.click('.packet-line >> nth=0');
    await page.waitForSelector('.way .hops');
    const said = [];
    for (let at = 0; at < await page.locator('.way .hop').count(); at += 1) {
      await page.click(`.way .hop >> nth=${at}`);
      said.push(await page.innerText('.way .now'));
    }
    assert.ok(said.some((words) => words.includes(why)), `none of these says ${why}:\n${said.join('\n')}`);
  }));
}
