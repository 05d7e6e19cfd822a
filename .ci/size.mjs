// Brotli sizes of a built page beside the budgets of the design; exits 1 when one is exceeded.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { filesOf } from '../.web/files.mjs';

const KB = 1000;
const dist = process.argv[2];
const files = filesOf(dist).map((name) => ({ name, brotli: brotliCompressSync(readFileSync(join(dist, name))).length }));

const isEditor = ({ name }) => name.startsWith('editor');
const isOnDemand = (file) => isEditor(file) || /_rest\.wasm$|\.(png|svg)$/.test(file.name);
const isFirstPaint = ({ name }) => name === 'index.html' || /^kubarium-.*(\.js|_bg\.wasm)$|\.css$/.test(name);

const budgets = [
  ['what the first paint needs', 200, isFirstPaint],
  ['all that a running cluster needs', 800, (file) => !isOnDemand(file)],
  ['the editor, loaded lazily', 130, isEditor],
];

for (const { name, brotli } of files) console.log(`${(brotli / KB).toFixed(1).padStart(9)} KB  ${name}`);
console.log();
let over = false;
for (const [what, budget, holds] of budgets) {
  const size = files.filter(holds).reduce((sum, file) => sum + file.brotli, 0) / KB;
  over ||= size > budget;
  console.log(`${size.toFixed(1).padStart(9)} KB of ${String(budget).padStart(3)}  ${what}${size > budget ? '  OVER BUDGET' : ''}`);
}
process.exit(over ? 1 : 0);
