/* Keys, never while somebody types; dialogs; a cursor over rows. */
(() => {
  const typing = target => target.closest?.("input, textarea, select, [contenteditable]");
  const open = id => { const dialog = document.getElementById(id); if (dialog && !dialog.open) { dialog.showModal(); dialog.dispatchEvent(new Event("tickover:open")); } };
  const rows = () => [...document.querySelectorAll("main [data-row]")];
  const cursor = () => document.querySelector("main [data-cursor]");
  const move = step => {
    const all = rows();
    if (!all.length) return;
    const here = all.indexOf(cursor());
    cursor()?.removeAttribute("data-cursor");
    const next = all[Math.min(all.length - 1, Math.max(0, here < 0 ? (step > 0 ? 0 : all.length - 1) : here + step))];
    next.setAttribute("data-cursor", "");
    (next.matches("a") ? next : next.querySelector("a"))?.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  let g = false;
  addEventListener("keydown", event => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); return open("palette"); }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    const going = g && document.querySelector(`#pages [data-key="${CSS.escape(event.key)}"]`);
    g = event.key === "g";
    if (going) return going.click();
    switch (event.key) {
      case "/": { const field = document.querySelector("[data-filter]"); if (field) { event.preventDefault(); field.focus(); field.select?.(); } break; }
      case "j": return move(1);
      case "k": return move(-1);
      case "[": return document.querySelector('[data-step="prev"]')?.click();
      case "]": return document.querySelector('[data-step="next"]')?.click();
      case "?": return open("keys");
      case "Escape": cursor()?.removeAttribute("data-cursor");
    }
  });
  addEventListener("click", event => {
    const opener = event.target.closest("[data-open]");
    if (opener) open(opener.dataset.open);
    if (event.target.closest("[data-close]") || event.target.matches("dialog")) event.target.closest("dialog")?.close();
    const copied = event.target.closest("[data-copy]");
    /* On plain HTTP there is no clipboard: then the text is selected, which is the next best. */
    if (copied) (navigator.clipboard?.writeText(copied.dataset.copy) ?? Promise.reject()).then(() => { copied.dataset.copied = ""; setTimeout(() => delete copied.dataset.copied, 1500); }, () => getSelection().selectAllChildren(copied.previousElementSibling ?? copied));
  });
})();
