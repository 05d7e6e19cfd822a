// Before the first paint: the theme and the language, so that nothing flashes.
(() => {
  const stored = (key) => { try { return localStorage.getItem(`kubarium.${key}`); } catch { return null; } };
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const follow = () => { root.dataset.theme = stored('theme') ?? (dark.matches ? 'dark' : 'light'); };
  follow();
  dark.addEventListener('change', follow);
  const wish = new URLSearchParams(location.search).get('lang') ?? stored('lang') ?? navigator.language ?? 'en';
  root.lang = wish.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
})();
