// The budgets of the design that only a browser can measure, beside what was measured: the page marks its own moments with
// `performance.mark` (`wasm-start` when its main function begins, `interactive` when it can be used on a running cluster), and
// the worker keeps the time that it spent on requests in its global `busy_ms`.
import { command, frames, hurry, open, ready } from '../e2e/harness.mjs';

const RUNS = 5;
const PATIENCE = 180_000;

const busy = (page) => page.workers()[0].evaluate(() => self.busy_ms ?? 0);
const marked = async (page, name) =>
  (await page.waitForFunction((n) => performance.getEntriesByName(n)[0]?.startTime, name, { timeout: 30_000 })).jsonValue();
const said = (page, words) =>
  page.waitForFunction((w) => document.querySelector('.terminal .output').textContent.includes(w), words, { timeout: PATIENCE });

/** Lets `pods` pods become ready on a cluster; the answer is what the core worked for it, in milliseconds. */
const deploy = async (page, count) => {
  await hurry(page, '5000');
  const before = await busy(page);
  await command(page, `kubectl create deployment web --image=nginx --replicas=${count}`);
  await command(page, 'kubectl rollout status deployment/web');
  await said(page, 'successfully rolled out');
  return (await busy(page)) - before;
};

const MEASURES = [
  ['page interactive after wasm start, 3 nodes booted', 100, '', RUNS, async (page) => {
    const start = await marked(page, 'wasm-start');
    return (await marked(page, 'interactive')) - start;
  }],
  ['boot of a 3-node cluster and its first views, in the core', 20, '', RUNS, async (page) => {
    await marked(page, 'interactive');
    return busy(page);
  }],
  ['1,000 pods on 20 nodes, apply -> all Ready, in the core', 1_000, '?cluster=nodes=20%20pull=0s', 1, (page) => deploy(page, 1_000)],
  ...[[3, 20, 17], [20, 500, 17], [50, 2_000, 34]].map(([nodes, pods, limit]) => [
    `a frame at ${nodes} nodes and ${pods} pods while they are replaced (95th percentile)`, limit, `?cluster=nodes=${nodes}%20pull=0s`, 1,
    async (page) => {
      await deploy(page, pods);
      await page.selectOption('.speed', '1000');
      await command(page, 'kubectl rollout restart deployment/web');
      const { p50, p95, max } = await frames(page, 5_000);
      console.log(`             p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, max ${max.toFixed(1)} ms`);
      return p95;
    },
  ]),
];

let over = false;
for (const [what, limit, path, runs, act] of MEASURES) {
  const taken = [];
  for (let run = 0; run < runs; run += 1) {
    const { page, close } = await open({ path });
    try {
      await ready(page);
      taken.push(await act(page));
    } finally {
      await close();
    }
  }
  const time = taken.sort((a, b) => a - b)[Math.floor(taken.length / 2)];
  over ||= time > limit;
  console.log(`${`${time.toFixed(1)}ms`.padStart(12)} ${`${limit}ms`.padStart(12)}  ${what}${time > limit ? '  OVER BUDGET' : ''}`);
}
process.exit(over ? 1 : 0);
