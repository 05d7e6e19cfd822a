// Bundles src/ui/editor.js with what it imports from npm into editor.js, beside the page that trunk is building.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const release = process.env.TRUNK_PROFILE === 'release';

await build({
  entryPoints: [here('../src/ui/editor.js')],
  outfile: join(process.env.TRUNK_STAGING_DIR ?? here('../dist'), 'editor.js'),
  nodePaths: [here('node_modules')],
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: release,
  sourcemap: release ? false : 'inline',
  logLevel: 'warning',
});
