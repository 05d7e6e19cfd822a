
// The other half of this program (`split.mjs`) is fetched when the page runs, or as soon as one of its functions is called.
const otherHalf = {
  url: new URL(OTHER_HALF, import.meta.url),

  put(module) {
    if (wasm.joined.value) return;
    new WebAssembly.Instance(module, { other: wasm });
    wasm.joined.value = 1;
  },

  /** The caller waits; also where the page's own thread is the caller, for which a browser gives text only. */
  now() {
    const request = new XMLHttpRequest();
    request.open('GET', otherHalf.url, false);
    request.overrideMimeType('text/plain; charset=x-user-defined');
    request.send();
    if (request.status !== 200) throw new Error(`cannot load ${otherHalf.url}: status ${request.status}`);
    otherHalf.put(new WebAssembly.Module(Uint8Array.from(request.responseText, (letter) => letter.charCodeAt(0))));
  },

  /** In the background. What fails here is tried again by whoever needs it. */
  soon() {
    WebAssembly.compileStreaming(fetch(otherHalf.url)).then(otherHalf.put, () => {});
  },
};
if (globalThis.document) {
  const marks = new PerformanceObserver((list) => {
    if (!list.getEntriesByName('interactive').length) return;
    marks.disconnect();
    otherHalf.soon();
  });
  marks.observe({ type: 'mark', buffered: true });
} else addEventListener('message', () => setTimeout(otherHalf.soon), { once: true });
