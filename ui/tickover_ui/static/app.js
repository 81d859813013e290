/* Theme, keys and the live view. No inline script anywhere: the Content-Security-Policy forbids it. */
(() => {
  const root = document.documentElement;
  const base = document.currentScript.dataset.base;
  const kept = () => { try { return localStorage.getItem("tickover-theme"); } catch { return null; } };
  root.dataset.theme = kept() || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const toggle = () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("tickover-theme", root.dataset.theme); } catch { /* private mode */ }
  };

  /* Live: a question of a few bytes; only when the answer is new the page is read again, and its live parts replaced. */
  const FAST = 5000, SLOW = 60000, PATIENCE = 600000;
  let every = FAST, touched = Date.now(), seen = null, timer = 0, on = true;
  const say = text => { const note = document.getElementById("live-note"); if (note) note.textContent = text; };
  const replace = async () => {
    const answer = await fetch(location.href, { headers: { "X-Live": "1" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(part.id);
      const busy = part.contains(document.activeElement) || (getSelection().type === "Range" && getSelection().containsNode(part, true));
      if (next && !busy && next.innerHTML !== part.innerHTML) part.replaceChildren(...next.childNodes);
    }
  };
  const pulse = async () => {
    try {
      const answer = await fetch(`${base}/ui/pulse${seen === null ? "" : `?since=${seen}`}`);
      if (answer.status === 200) {
        const { seq } = await answer.json();
        if (seen !== null && seq !== seen) { await replace(); every = FAST; }
        seen = seq;
      } else if (answer.status === 204) { every = Math.min(SLOW, every * 1.3); } else { every = SLOW; }
      say("Live");
    } catch { every = SLOW; say("Not reached"); }
    plan();
  };
  const plan = () => {
    clearTimeout(timer);
    if (!on) return say("Paused");
    if (document.hidden) return;
    if (Date.now() - touched > PATIENCE) return say("Asleep: nobody looked for 10 minutes");
    timer = setTimeout(pulse, every * (0.9 + Math.random() * 0.2));
  };
  const wake = () => { const slept = Date.now() - touched > PATIENCE; touched = Date.now(); if (slept) { every = FAST; plan(); } };

  /* Distances grow while nothing happens; the words are those of words.py. */
  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const skew = () => { const now = Date.parse(root.dataset.now || ""); return Number.isNaN(now) ? 0 : now - started; };
  const started = Date.now();
  const age = () => {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const away = (Date.parse(time.dateTime) - Date.now() - skew()) / 1000, whole = Math.abs(away);
      if (whole < 1) continue;
      const [size, unit] = UNITS.find(([least]) => whole >= least);
      const said = `${Math.round(whole / size)} ${unit}`;
      const text = away > 0 ? `in ${said}` : `${said} ago`;
      if (time.textContent !== text) time.textContent = text;
    }
  };
  setInterval(() => { if (!document.hidden && on) age(); }, 10000);

  /* Keys, never while somebody types. */
  let g = false;
  const go = { o: "/", j: "/jobs", d: "/dead" };
  addEventListener("keydown", event => {
    wake();
    if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (g && event.key in go) location.href = base + go[event.key];
    g = event.key === "g";
    if (event.key === "\\") toggle();
    if (event.key === "/") { const field = document.querySelector("[data-filter]"); if (field) { event.preventDefault(); field.focus(); } }
  });
  addEventListener("pointermove", wake, { passive: true });
  document.addEventListener("visibilitychange", plan);
  addEventListener("DOMContentLoaded", () => {
    document.addEventListener("click", event => {
      if (event.target.closest("[data-theme-toggle]")) toggle();
      const live = event.target.closest("[data-live-toggle]");
      if (live) { on = !on; live.setAttribute("aria-pressed", on); if (on) say("Live"); plan(); }
    });
    if (document.querySelector("[data-live]")) plan(); else say("");
  });
})();
