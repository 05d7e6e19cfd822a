// What is left to do when trunk has built the page: bundles src/ui/editor.js with what it imports from npm, halves the programs
// of a release, and finishes.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { finish } from './finish.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const release = process.env.TRUNK_PROFILE === 'release';
const folder = process.env.TRUNK_STAGING_DIR;

await build({
  entryPoints: [here('../src/ui/editor.js')],
  outfile: join(folder, 'editor.js'),
  nodePaths: [here('node_modules')],
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: release,
  sourcemap: release ? false : 'inline',
  logLevel: 'warning',
});

// What that takes is loaded only then.
if (release) await (await import('./halve.mjs')).halve(folder);
finish(folder);
