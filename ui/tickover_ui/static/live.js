/* The live view. */
(() => {
  const base = document.currentScript.dataset.base;

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

  addEventListener("keydown", wake);
  addEventListener("pointermove", wake, { passive: true });
  document.addEventListener("visibilitychange", plan);
  addEventListener("DOMContentLoaded", () => {
    document.addEventListener("click", event => {
      const live = event.target.closest("[data-live-toggle]");
      if (live) { on = !on; live.setAttribute("aria-pressed", on); if (on) say("Live"); plan(); }
    });
    if (document.querySelector("[data-live]")) plan(); else say("");
  });
})();
