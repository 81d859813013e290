/* Light or dark, before the first paint. No inline script anywhere: the Content-Security-Policy forbids it. */
(() => {
  const root = document.documentElement;
  const kept = () => { try { return localStorage.getItem("tickover-theme"); } catch { return null; } };
  root.dataset.theme = kept() || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const toggle = () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("tickover-theme", root.dataset.theme); } catch { /* private mode */ }
  };
  addEventListener("keydown", event => {
    if (event.key !== "\\" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    toggle();
  });
  addEventListener("click", event => { if (event.target.closest("[data-theme-toggle]")) toggle(); });
})();
