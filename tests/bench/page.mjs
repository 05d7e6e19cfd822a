// The budgets of the design that only a browser can measure, beside what was measured. The page marks its own moments with
// `performance.mark`: `wasm-start` when its main function begins, `interactive` when it can be used on a running cluster.
// A moment that the page does not mark is said to be missing, and does not fail the run.
import { open } from '../e2e/harness.mjs';

const RUNS = 7;

const BUDGETS = [
  { what: 'page interactive after wasm start, 3 nodes booted', limit: 100, from: 'wasm-start', to: 'interactive' },
];

/** Milliseconds between two marks of one fresh load, or undefined where the page never sets them. */
async function once({ from, to }) {
  const { page, close } = await open();
  try {
    const marked = (name) => page.waitForFunction((n) => performance.getEntriesByName(n)[0]?.startTime, name, { timeout: 10_000 });
    const [start, end] = await Promise.all([from, to].map(async (name) => (await marked(name)).jsonValue()));
    return end - start;
  } catch (error) {
    if (error.name === 'TimeoutError') return undefined;
    throw error;
  } finally {
    await close();
  }
}

async function median(budget) {
  const taken = [];
  for (let run = 0; run < RUNS; run += 1) {
    const time = await once(budget);
    if (time === undefined) return undefined;
    taken.push(time);
  }
  return taken.sort((a, b) => a - b)[Math.floor(RUNS / 2)];
}

let over = false;
for (const budget of BUDGETS) {
  const time = await median(budget);
  const verdict = time === undefined ? '  not marked by the page' : time > budget.limit ? '  OVER BUDGET' : '';
  over ||= time > budget.limit;
  console.log(`${`${time?.toFixed(1) ?? '-'}ms`.padStart(12)} ${`${budget.limit}ms`.padStart(12)}  ${budget.what}${verdict}`);
}
process.exit(over ? 1 : 0);
