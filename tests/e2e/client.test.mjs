// The official JavaScript client against `kubarium serve`: what it creates, reads, watches, patches and runs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { native, root } from './harness.mjs';

const skip = native ? false : 'the native program is not built';
const k8s = createRequire(join(root, '.web', 'package.json'))('@kubernetes/client-node');

const namespace = 'default';
const where = mkdtempSync(join(tmpdir(), 'kubarium-client-'));
let server, config, core, apps;

before(async () => {
  if (!native) return;
  server = spawn(native, ['serve', '--port', '0', '--pace', '10', 'nodes=3', 'pull=0s', 'seed=7'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const first = await new Promise((done) => server.stdout.once('data', (bytes) => done(String(bytes))));
  const port = first.match(/127\.0\.0\.1:(\d+)/)[1];
  const file = join(where, 'kubeconfig.yaml');
  writeFileSync(file, execFileSync(native, ['kubeconfig', '--port', port]));
  config = new k8s.KubeConfig();
  config.loadFromFile(file);
  core = config.makeApiClient(k8s.CoreV1Api);
  apps = config.makeApiClient(k8s.AppsV1Api);
});

after(() => {
  server?.kill();
  rmSync(where, { recursive: true });
});

/** Waits until `look` gives something true. */
const until = async (what, look) => {
  for (let tries = 0; tries < 300; tries += 1) {
    const found = await look();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`never: ${what}`);
};

/** A stream that keeps what is written to it. */
const keep = () => {
  const kept = new Writable({
    write(bytes, _encoding, done) {
      kept.text += bytes;
      done();
    },
  });
  kept.text = '';
  return kept;
};

/** The error of a call that must fail: its code and its Status. */
const refused = async (call) => {
  try {
    await call;
  } catch (error) {
    return [error.code, JSON.parse(error.body)];
  }
  throw new Error('it was not refused');
};

test('objects are created, read, replaced, patched and deleted', { skip }, async () => {
  const body = { metadata: { name: 'settings', labels: { tier: 'web' } }, data: { colour: 'red' } };
  await core.createNamespacedConfigMap({ namespace, body });
  const read = await core.readNamespacedConfigMap({ namespace, name: 'settings' });
  assert.equal(read.data.colour, 'red');
  read.data.colour = 'blue';
  const replaced = await core.replaceNamespacedConfigMap({ namespace, name: 'settings', body: read });
  assert.notEqual(replaced.metadata.resourceVersion, read.metadata.resourceVersion);
  const [stale, status] = await refused(core.replaceNamespacedConfigMap({ namespace, name: 'settings', body: read }));
  assert.deepEqual([stale, status.reason], [409, 'Conflict']);
  const json = await core.patchNamespacedConfigMap({ namespace, name: 'settings', body: [{ op: 'add', path: '/data/size', value: '9' }] });
  assert.deepEqual(json.data, { colour: 'blue', size: '9' });
  const merge = k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch);
  const merged = await core.patchNamespacedConfigMap({ namespace, name: 'settings', body: { data: { size: null } } }, merge);
  assert.deepEqual(merged.data, { colour: 'blue' });
  const chosen = await core.listNamespacedConfigMap({ namespace, labelSelector: 'tier=web' });
  assert.deepEqual(chosen.items.map((item) => item.metadata.name), ['settings']);
  await core.deleteNamespacedConfigMap({ namespace, name: 'settings' });
  const [gone, missing] = await refused(core.readNamespacedConfigMap({ namespace, name: 'settings' }));
  assert.deepEqual([gone, missing.reason, missing.details.kind], [404, 'NotFound', 'configmaps']);
});

test('lists come in pages', { skip }, async () => {
  const first = await core.listNamespace({ limit: 3 });
  const second = await core.listNamespace({ limit: 3, _continue: first.metadata._continue });
  const names = [...first.items, ...second.items].map((item) => item.metadata.name);
  assert.deepEqual(names, ['default', 'kube-node-lease', 'kube-public', 'kube-system']);
});

test('an informer sees what happens', { skip }, async () => {
  const seen = [];
  const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/secrets`, () => core.listNamespacedSecret({ namespace }));
  for (const event of ['add', 'update', 'delete']) informer.on(event, (object) => seen.push(`${event} ${object.metadata.name}`));
  await informer.start();
  const secret = await core.createNamespacedSecret({ namespace, body: { metadata: { name: 'key' }, stringData: { a: 'b' } } });
  assert.equal(secret.data.a, 'Yg==');
  await core.replaceNamespacedSecret({ namespace, name: 'key', body: { ...secret, data: { a: 'Yw==' } } });
  await core.deleteNamespacedSecret({ namespace, name: 'key' });
  await until('the deletion is seen', () => seen.includes('delete key'));
  await informer.stop();
  assert.deepEqual(seen, ['add key', 'update key', 'delete key']);
});

test('a pod runs, logs, and runs commands', { skip }, async () => {
  const container = { name: 'c', image: 'busybox', command: ['sh', '-c', 'echo hello; sleep 3600'] };
  await core.createNamespacedPod({ namespace, body: { metadata: { name: 'one' }, spec: { containers: [container] } } });
  await until('the pod runs', async () => (await core.readNamespacedPod({ namespace, name: 'one' })).status.phase === 'Running');
  await until('the pod has spoken', async () => (await core.readNamespacedPodLog({ namespace, name: 'one' })) === 'hello\n');
  const followed = keep();
  const following = await new k8s.Log(config).log(namespace, 'one', 'c', followed, { follow: true });
  await until('the log is followed', () => followed.text === 'hello\n');
  following.abort();
  const [out, err] = [keep(), keep()];
  const ended = await new Promise((done, fail) => {
    const command = ['sh', '-c', 'echo out; echo err >&2; exit 3'];
    new k8s.Exec(config).exec(namespace, 'one', 'c', command, out, err, null, false, done).catch(fail);
  });
  assert.deepEqual([out.text, err.text, ended.status, ended.details.causes[0].message], ['out\n', 'err\n', 'Failure', '3']);
  await core.createNamespacedPodEviction({ namespace, name: 'one', body: { metadata: { name: 'one' } } });
  await until('the pod is gone', async () => (await core.listNamespacedPod({ namespace, fieldSelector: 'metadata.name=one' })).items.length === 0);
});

test('a port leads to a pod, and an answer comes back', { skip }, async () => {
  const spec = { containers: [{ name: 'c', image: 'nginx' }] };
  await core.createNamespacedPod({ namespace, body: { metadata: { name: 'page' }, spec } });
  await until('running', async () => (await core.readNamespacedPod({ name: 'page', namespace })).status.phase === 'Running');
  const [said, wrong] = [keep(), keep()];
  const asked = new PassThrough();
  // What an answer's end means is for the client to say.
  await new k8s.PortForward(config, true).portForward(namespace, 'page', [80], said, wrong, asked);
  asked.write('GET / HTTP/1.1\r\nHost: page\r\nConnection: close\r\n\r\n');
  await until('answered', () => said.text.includes('</html>'));
  assert.match(said.text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.equal(wrong.text, '');
});

test('a deployment is watched as it grows, and scaled', { skip }, async () => {
  const seen = new Set();
  const watching = await new k8s.Watch(config).watch(`/api/v1/namespaces/${namespace}/pods`, { labelSelector: 'app=web' }, (type, pod) => seen.add(`${type} ${pod.status.phase}`), () => {});
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx' }] } };
  const spec = { replicas: 2, selector: { matchLabels: { app: 'web' } }, template };
  await apps.createNamespacedDeployment({ namespace, body: { metadata: { name: 'web' }, spec } });
  const available = async () => (await apps.readNamespacedDeployment({ namespace, name: 'web' })).status.availableReplicas;
  await until('two replicas are available', async () => (await available()) === 2);
  assert.ok(seen.has('ADDED Pending') && seen.has('MODIFIED Running'), [...seen].join());
  watching.abort();
  const scale = await apps.readNamespacedDeploymentScale({ namespace, name: 'web' });
  scale.spec.replicas = 3;
  await apps.replaceNamespacedDeploymentScale({ namespace, name: 'web', body: scale });
  await until('three replicas are available', async () => (await available()) === 3);
});

test('what is wrong is told with its place', { skip }, async () => {
  const [code, status] = await refused(apps.createNamespacedDeployment({ namespace, body: { metadata: { name: 'D!' }, spec: {} } }));
  assert.deepEqual([code, status.reason], [422, 'Invalid']);
  assert.deepEqual(new Set(status.details.causes.map((cause) => cause.field)), new Set(['metadata.name', 'spec.selector', 'spec.template.metadata.labels', 'spec.template.spec.containers']));
});
