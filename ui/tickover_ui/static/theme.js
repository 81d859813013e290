/* Theme, density and zone, before the first paint. No inline script anywhere: the Content-Security-Policy forbids it. */
(() => {
  const root = document.documentElement;
  const kept = name => { try { return localStorage.getItem(`tickover-${name}`); } catch { return null; } };
  const keep = (name, value) => { try { localStorage.setItem(`tickover-${name}`, value); } catch { /* private mode */ } };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const system = () => dark.matches ? "dark" : "light";
  let theme = ["light", "dark"].includes(kept("theme")) ? kept("theme") : "system";
  const typing = target => target.closest?.("input, textarea, select, [contenteditable]");

  const show = () => {
    root.dataset.theme = theme === "system" ? system() : theme;
    root.dataset.density = kept("density") === "dense" ? "dense" : "normal";
    root.dataset.zone = kept("zone") === "local" ? "local" : "utc";
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.setAttribute("aria-label", `Theme: ${theme}. Switch`);
      button.title = `Theme: ${theme}`;
    }
    for (const button of document.querySelectorAll("[data-density-toggle]")) button.setAttribute("aria-pressed", root.dataset.density === "dense");
    for (const name of document.querySelectorAll("[data-zone-name]")) name.textContent = root.dataset.zone === "local" ? "Local" : "UTC";
  };
  /* From the system's theme to its opposite first, so that the first press is always seen; then its own, then the system's. */
  const turn = () => {
    const mine = system(), other = mine === "dark" ? "light" : "dark";
    theme = theme === "system" ? other : theme === other ? mine : "system";
    keep("theme", theme);
    show();
  };
  const flip = (name, first, second) => { keep(name, root.dataset[name] === first ? second : first); show(); };

  show();
  dark.addEventListener("change", show);
  addEventListener("DOMContentLoaded", show);
  addEventListener("keydown", event => {
    if (event.key === "\\" && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)) turn();
  });
  addEventListener("click", event => {
    if (event.target.closest("[data-theme-toggle]")) turn();
    if (event.target.closest("[data-density-toggle]")) flip("density", "normal", "dense");
    if (event.target.closest("[data-zone-toggle]")) { flip("zone", "utc", "local"); root.dispatchEvent(new Event("tickover:zone")); }
    const menu = event.target.closest("[data-menu]");
    if (menu) menu.setAttribute("aria-expanded", root.toggleAttribute("data-menu-open"));
  });
})();
