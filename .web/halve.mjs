// Halves the two programs of a page that trunk has built, its own and the worker's: a visit in Chromium tells what a start
// runs, and that is all that the page loads before the cluster runs.
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumPath, command, open, ready } from '../tests/e2e/harness.mjs';
import { finish } from './finish.mjs';
import { counted, split, started } from './split.mjs';

const GET_IMPORTS = 'const imports = __wbg_get_imports();';
const HAS_EXPORTS = 'wasm = instance.exports;';
/** How long the visitor looks on, in milliseconds. */
const LOOK = 3_000;
const VISITS = [{}, { viewport: { width: 360, height: 740 }, locale: 'zh-CN' }];

/** A text with something else in the place of each `part`, which must be there. */
const changed = (text, part, other) => {
  if (!text.includes(part)) throw new Error(`wasm-bindgen writes other code than expected, without: ${part}`);
  return text.replaceAll(part, other);
};
const rewrite = (path, change) => writeFileSync(path, change(readFileSync(path, 'utf8')));

/** Both programs by the beginning of the names of their files. */
const programs = (folder) => [/^(kubarium-.*)_bg\.wasm$/, /^(worker)_bg\.wasm$/].map((form) => {
  const [, name] = readdirSync(folder).map((file) => form.exec(file)).find(Boolean);
  return { name, script: join(folder, `${name}.js`), wasm: join(folder, `${name}_bg.wasm`) };
});

/** Lets visitors see a finished copy of the page that `change` has changed before. */
async function visited(folder, change, visits, see) {
  const copy = mkdtempSync(join(tmpdir(), 'kubarium-halve-'));
  try {
    cpSync(folder, copy, { recursive: true });
    change(copy);
    finish(copy);
    for (const visit of visits) {
      const { page, problems, close } = await open({ folder: copy, ...visit });
      try {
        await see(page);
        // While trunk serves, the page asks it for news, which is not there yet.
        const complaints = problems.filter((problem) => !problem.includes('.well-known/trunk/ws'));
        if (complaints.length) throw new Error(complaints.join('\n'));
      } finally {
        await close();
      }
    }
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** What runs in each of the two when a visitor comes, looks on for a while, and comes back. */
async function ranAtStart(folder) {
  const count = (copy) => {
    for (const { script, wasm } of programs(copy)) {
      writeFileSync(wasm, counted(readFileSync(wasm)));
      rewrite(script, (text) => changed(text, HAS_EXPORTS, `${HAS_EXPORTS} globalThis.program = wasm;`));
    }
  };
  const ran = [new Set(), new Set()];
  const look = async (page) => {
    await ready(page);
    await page.waitForTimeout(LOOK);
    for (const [at, place] of [page, page.workers()[0]].entries()) {
      for (const name of await place.evaluate(`(${started})(program)`)) ran[at].add(name);
    }
  };
  await visited(folder, count, VISITS, async (page) => {
    await look(page);
    await page.reload();
    await look(page);
  });
  return ran;
}

export async function halve(folder) {
  if (!chromiumPath) return console.log('There is no Chromium: the programs stay in one piece each.');
  const ran = await ranAtStart(folder);
  for (const [at, { name, script, wasm }] of programs(folder).entries()) {
    const [first, rest] = split(readFileSync(wasm), ran[at]);
    const file = `${name}_rest.wasm`;
    writeFileSync(wasm, first);
    writeFileSync(join(folder, file), rest);
    const loader = readFileSync(new URL('join.js', import.meta.url), 'utf8');
    rewrite(script, (text) => {
      const asks = changed(text, GET_IMPORTS, 'const imports = { ...__wbg_get_imports(), other: { join: otherHalf.now } };');
      return asks + changed(loader, 'OTHER_HALF', JSON.stringify(file));
    });
  }
  rename(folder);
  // Each half finds the other.
  await visited(folder, () => {}, [{}], async (page) => {
    await ready(page);
    await command(page, 'kubectl version');
    await page.waitForFunction(() => document.querySelector('.terminal .output').textContent.includes('Server Version'));
  });
}

/** The page's own program is found by a name with a hash of what its files were; now they are others. */
function rename(folder) {
  const [{ name }] = programs(folder);
  const files = readdirSync(folder).filter((file) => file.startsWith(name));
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(folder, file)));
  const other = `kubarium-${hash.digest('hex').slice(0, 16)}`;
  for (const file of files) renameSync(join(folder, file), join(folder, file.replace(name, other)));
  for (const file of ['index.html', `${other}.js`]) rewrite(join(folder, file), (text) => changed(text, name, other));
}
