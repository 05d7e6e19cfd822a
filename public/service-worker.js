// Keeps the page for when there is no network. The build writes VERSION and FILES before this line.
const CACHE = `kubarium-${VERSION}`;

addEventListener('install', (event) => {
  const wanted = FILES.map((file) => new Request(file, { cache: 'no-cache' }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(wanted)));
});

addEventListener('activate', (event) => {
  const older = (names) => names.filter((name) => name.startsWith('kubarium-') && name !== CACHE);
  const forget = caches.keys().then((names) => Promise.all(older(names).map((name) => caches.delete(name))));
  event.waitUntil(forget.then(() => clients.claim()));
});

// A new version waits until the learner wants it.
addEventListener('message', (event) => {
  if (event.data === 'take over') skipWaiting();
});

addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || new URL(request.url).origin !== location.origin) return;
  const wanted = request.mode === 'navigate' ? './' : request;
  const kept = caches.open(CACHE).then((cache) => cache.match(wanted, { ignoreSearch: true }));
  event.respondWith(kept.then((response) => response ?? fetch(request)));
});
