// Before the first paint: the theme and the language, so that nothing flashes. After it: what keeps the page for offline use.
(() => {
  const stored = (key) => { try { return localStorage.getItem(`kubarium.${key}`); } catch { return null; } };
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const query = new URLSearchParams(location.search);
  const asked = ['dark', 'light'].find((theme) => theme === query.get('theme'));
  const follow = () => { root.dataset.theme = asked ?? stored('theme') ?? (dark.matches ? 'dark' : 'light'); };
  follow();
  dark.addEventListener('change', follow);
  const wish = query.get('lang') ?? stored('lang') ?? navigator.language ?? 'en';
  root.lang = wish.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';

  const keeper = navigator.serviceWorker;
  if (!root.dataset.offline || !keeper) return;
  addEventListener('load', async () => {
    // A browser may forbid it; then the page needs the network, as every page does.
    const registration = await keeper.register(root.dataset.offline).catch(() => null);
    if (!registration) return;
    const offer = () => {
      if (!registration.waiting || !keeper.controller) return;
      root.dataset.update = '';
      dispatchEvent(new Event('kubarium:update'));
    };
    offer();
    registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', offer));
    addEventListener('kubarium:take-update', () => {
      keeper.addEventListener('controllerchange', () => location.reload(), { once: true });
      registration.waiting?.postMessage('take over');
    });
    addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') registration.update().catch(() => {});
    });
  });
})();
