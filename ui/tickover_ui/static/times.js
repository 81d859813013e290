/* Distances grow while nothing happens, and times of day are told in the reader's zone. The words are those of words.py. */
const tickoverTimes = (() => {
  const root = document.documentElement;
  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const two = number => String(number).padStart(2, "0");
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  let skew = 0;
  /* The page's own now is the database's: this machine's clock may be another. */
  const from = document => { const now = Date.parse(document.documentElement.dataset.now || ""); if (!Number.isNaN(now)) skew = now - Date.now(); };

  const parts = at => root.dataset.zone === "local"
    ? [at.getFullYear(), at.getMonth(), at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()]
    : [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()];
  const clock = (at, form) => {
    const [, month, day, hour, minute, second] = parts(at);
    const time = `${two(hour)}:${two(minute)}`;
    return form === "hm" ? time : form === "hms" ? `${time}:${two(second)}` : form === "day" ? `${two(day)} ${MONTHS[month]} ${time}` : `${two(day)} ${MONTHS[month]}`;
  };
  const whole = at => { const [year, month, day, hour, minute, second] = parts(at); return `${year}-${two(month + 1)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)} ${root.dataset.zone === "local" ? "local" : "UTC"}`; };
  const distance = at => {
    const away = (at - Date.now() - skew) / 1000, far = Math.abs(away);
    if (far < 1) return "now";
    const [size, unit] = UNITS.find(([least]) => far >= least);
    const said = `${Math.round(far / size)} ${unit}`;
    return away > 0 ? `in ${said}` : `${said} ago`;
  };
  const write = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const tell = where => {
    for (const time of where.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      write(time, time.dataset.form ? clock(at, time.dataset.form) : distance(at));
      time.title = whole(at);
    }
    for (const label of where.querySelectorAll("text[data-at]")) write(label, clock(new Date(label.dataset.at), label.dataset.form === "day" ? "date" : label.dataset.form));
  };

  from(document);
  root.addEventListener("tickover:zone", () => tell(document));
  addEventListener("DOMContentLoaded", () => tell(document));
  setInterval(() => { if (!document.hidden) tell(document); }, 10000);
  return { from, tell };
})();
