/* Actions: their pages as dialogs, and their keys. Without this script the same links and forms are pages. */
(() => {
  const show = (page, from) => {
    const sheet = page.querySelector("[data-sheet] > .confirm");
    if (!sheet) return false;
    const dialog = document.createElement("dialog");
    dialog.className = "confirm";
    dialog.setAttribute("aria-labelledby", "question");
    dialog.append(document.importNode(sheet, true));
    dialog.addEventListener("close", () => { dialog.remove(); if (from && from.isConnected) from.focus(); });
    dialog.addEventListener("click", event => {
      if (event.target === dialog || event.target.closest("[data-close]")) { event.preventDefault(); dialog.close(); }
    });
    document.body.append(dialog);
    dialog.showModal();
    const first = dialog.querySelector("form[method=post] input.note, form[method=post] textarea");
    if (first) first.focus();
    return true;
  };
  const ask = async (address, from) => {
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html", "X-Live": "1" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok && show(page, from)) return;
    } catch { /* the page itself says what is wrong */ }
    location.href = address;
  };
  const plain = event => event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  document.addEventListener("click", event => {
    const link = event.target.closest("a[data-act]");
    if (link && plain(event)) { event.preventDefault(); ask(link.href, link); }
  });
  document.addEventListener("submit", event => {
    const button = event.submitter;
    if (!button || !button.matches("button[data-act]")) return;
    event.preventDefault();
    ask(`${button.formAction}?${new URLSearchParams(new FormData(event.target))}`, button);
  });
  addEventListener("keydown", event => {
    if (event.target.closest("input, textarea, select, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
    const pressed = document.querySelector(`main [data-key="${CSS.escape(event.key)}"]`);
    if (pressed) { event.preventDefault(); pressed.click(); }
  });
})();
