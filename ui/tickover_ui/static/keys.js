/* Keys, never while somebody types. */
(() => {
  const base = document.currentScript.dataset.base;
  const go = { o: "/", j: "/jobs", d: "/dead" };
  let g = false;
  addEventListener("keydown", event => {
    if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (g && event.key in go) location.href = base + go[event.key];
    g = event.key === "g";
    if (event.key === "/") { const field = document.querySelector("[data-filter]"); if (field) { event.preventDefault(); field.focus(); } }
  });
})();
