/* Live: a stream of the latest event's number, or a question of a few bytes where nothing streams. Only when the number is
   new the page is read again, once, and morphed: what somebody types, selects, opens or points at stays as it is. */
(() => {
  const { base, live: mode, seq } = document.currentScript.dataset;
  const FAST = 5000, SLOW = 60000, PATIENCE = 600000, SILENCE = 6000;
  let every = FAST, touched = Date.now(), seen = seq === undefined ? null : Number(seq), timer = 0, on = true, stream = null;
  let streams = mode === "stream" && "EventSource" in globalThis, waiting = false, reading = false;
  const say = text => { const note = document.getElementById("live-note"); if (note && note.textContent !== text) note.textContent = text; };

  /* A region that says data-hold does not move while the pointer is over it. */
  const held = node => node.matches("[data-hold]") && node.matches(":hover");
  const selected = node => { const chosen = getSelection(); return chosen.type === "Range" && chosen.containsNode(node, true); };
  const dirty = node => node.matches("input, textarea, select") && (["checkbox", "radio"].includes(node.type) ? node.checked !== node.defaultChecked : node.value !== (node.defaultValue ?? node.value));
  const MORPH = {
    morphStyle: "innerHTML", ignoreActiveValue: true,
    callbacks: {
      beforeNodeMorphed: old => {
        if (!(old instanceof Element)) return true;
        if (old.matches("dialog[open], [data-keep]") || dirty(old)) return false;
        if (old.matches("[data-live]") && (held(old) || selected(old))) { waiting = true; return false; }
        return true;
      },
      beforeAttributeUpdated: (name, node) => !(name === "data-cursor" || (name === "open" && node.matches("details"))),
    },
  };
  const replace = async () => {
    if (reading) return;
    reading = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Live": "1" } });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      tickoverTimes.from(fresh);
      tickoverTimes.tell(fresh);
      waiting = false;
      for (const id of ["main", "pages", "beats"]) {
        const mine = document.getElementById(id), theirs = fresh.getElementById(id);
        if (mine && theirs) Idiomorph.morph(mine, theirs.innerHTML, MORPH);
      }
      say(waiting ? "Live, news wait" : "Live");
      document.dispatchEvent(new Event("tickover:fresh"));
    } finally { reading = false; }
  };
  const heard = async number => {
    const news = seen !== null && number !== seen;
    seen = number;
    if (news) { every = FAST; await replace(); } else say("Live");
  };

  const pulse = async () => {
    try {
      const answer = await fetch(`${base}/ui/pulse${seen === null ? "" : `?since=${seen}`}`);
      if (answer.status === 200) await heard((await answer.json()).seq);
      else if (answer.status === 204) { every = Math.min(SLOW, every * 1.3); say("Live"); } else every = SLOW;
    } catch { every = SLOW; say("Not reached"); }
    plan();
  };
  const close = () => { stream?.close(); stream = null; };
  const listen = () => {
    if (stream) return;
    stream = new EventSource(`${base}/ui/stream`);
    /* A proxy that keeps answers back until they end makes a stream that says nothing: then we ask. */
    const asks = () => { streams = false; close(); plan(); };
    timer = setTimeout(asks, SILENCE);
    stream.onmessage = async event => { clearTimeout(timer); await heard(Number(event.data)); };
    stream.addEventListener("over", () => { close(); plan(); });
    stream.onerror = asks;
  };
  const asleep = () => Date.now() - touched > PATIENCE;
  const plan = () => {
    clearTimeout(timer);
    if (!on || document.hidden || asleep()) close();
    if (!on) return say("Paused");
    if (document.hidden) return;
    if (asleep()) return say("Asleep: nobody looked for 10 minutes");
    if (streams) return listen();
    timer = setTimeout(pulse, every * (0.8 + Math.random() * 0.4));
  };
  const wake = () => { const slept = asleep(); touched = Date.now(); if (slept) { every = FAST; plan(); } };

  for (const kind of ["keydown", "pointermove", "pointerdown", "scroll"]) addEventListener(kind, wake, { passive: true, capture: true });
  document.addEventListener("visibilitychange", plan);
  addEventListener("pagehide", close);
  setInterval(() => { if (stream && asleep()) plan(); }, 30000);
  addEventListener("DOMContentLoaded", () => {
    document.addEventListener("click", event => {
      const live = event.target.closest("[data-live-toggle]");
      if (live) { on = !on; live.setAttribute("aria-pressed", on); if (on) say("Live"); plan(); }
    });
    document.addEventListener("pointerout", event => { if (waiting && on && event.target.closest?.("[data-hold]") && !event.relatedTarget?.closest?.("[data-hold]")) replace(); });
    if (document.getElementById("live-note")) plan();
  });
})();
