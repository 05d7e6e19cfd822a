// Finishes the page that trunk has built: names that change with what they hold, a content security policy, and what makes the
// page work without a network (not while `trunk serve` rebuilds it).
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { filesOf } from './files.mjs';

const digest = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 16);
};

/** The worker's files find one another by name: they move together into a folder that is named by what they hold. */
function moveWorker(folder) {
  const files = readdirSync(folder).filter((file) => file.startsWith('worker')).sort();
  const name = `worker-${digest(...files.map((file) => readFileSync(join(folder, file))))}`;
  mkdirSync(join(folder, name));
  for (const file of files) renameSync(join(folder, file), join(folder, name, file));
  return `${name}/worker_loader.js`;
}

/** Gives a file a name with a hash. */
function hashed(folder, file) {
  const name = `${basename(file, extname(file))}-${digest(readFileSync(join(folder, file)))}${extname(file)}`;
  renameSync(join(folder, file), join(folder, name));
  return name;
}

/** One style sheet instead of many, in their order: what is painted first waits for one request. */
function oneSheet(folder, html) {
  const links = [...html.matchAll(/<link rel="stylesheet" href="\.\/([^"]+)"\s*\/?>\s*/g)];
  if (links.length < 2) return html;
  const files = links.map(([, file]) => join(folder, file));
  const text = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  const name = `style-${digest(text)}.css`;
  for (const file of files) rmSync(file);
  writeFileSync(join(folder, name), text);
  const [[first], ...rest] = links;
  return rest.reduce((page, [link]) => page.replace(link, ''), html.replace(first, `<link rel="stylesheet" href="./${name}" />\n    `));
}

/** Scripts come from here, and the inline ones are these; nothing is fetched from elsewhere. */
function policy(html) {
  const inline = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)];
  const hashes = inline.map(([, text]) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`);
  return [
    "default-src 'none'",
    ["script-src 'self' 'wasm-unsafe-eval'", ...hashes].join(' '),
    "worker-src 'self'",
    "connect-src 'self'",
    // The editor and the pictures set styles of their own.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

/** Tells the service worker its version and what to keep. */
function keep(folder) {
  const page = filesOf(folder).filter((file) => !['index.html', 'service-worker.js'].includes(file));
  const version = digest(...['index.html', ...page].map((file) => readFileSync(join(folder, file))));
  const path = join(folder, 'service-worker.js');
  const head = `const VERSION = ${JSON.stringify(version)};\nconst FILES = ${JSON.stringify(['./', ...page])};\n`;
  writeFileSync(path, head + readFileSync(path, 'utf8'));
}

export function finish(folder) {
  const path = join(folder, 'index.html');
  let html = readFileSync(path, 'utf8');
  const rebuilt = html.includes('.well-known/trunk/ws');
  const attributes = [`data-worker="${moveWorker(folder)}"`, `data-editor="${hashed(folder, 'editor.js')}"`];
  if (!rebuilt) {
    attributes.push('data-offline="service-worker.js"');
    html = oneSheet(folder, html);
  }
  html = html
    .replace('<html lang="en">', `<html lang="en" ${attributes.join(' ')}>`)
    .replace('"start.js"', `"${hashed(folder, 'start.js')}"`);
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy(html)}" />`;
  html = html.replace('<meta charset="utf-8" />', `<meta charset="utf-8" />\n    ${meta}`);
  writeFileSync(path, html);
  if (rebuilt) rmSync(join(folder, 'service-worker.js'));
  else keep(folder);
}
