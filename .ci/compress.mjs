// Writes FILE.br and FILE.gz beside every file of a built page that gains by it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { filesOf } from '../.web/files.mjs';

const folder = process.argv[2];
for (const name of filesOf(folder)) {
  if (!/\.(html|css|js|wasm|svg|webmanifest)$/.test(name)) continue;
  const path = join(folder, name);
  const bytes = readFileSync(path);
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
  writeFileSync(`${path}.br`, brotli);
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  const share = Math.round((100 * brotli.length) / bytes.length);
  console.log(`${String(brotli.length).padStart(9)} bytes (${String(share).padStart(3)} %)  ${name}`);
}
