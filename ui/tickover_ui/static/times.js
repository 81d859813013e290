/* Distances grow while nothing happens; the words are those of words.py. */
(() => {
  const root = document.documentElement;
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
  setInterval(() => { if (!document.hidden) age(); }, 10000);
})();
