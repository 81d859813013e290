/* The palette: pages, what this page offers, jobs by id and by field:value. */
(() => {
  const base = document.currentScript.dataset.base;
  const ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
  const FIELD = /^(kind|queue|state|tenant|unique):(\S+)$/;
  const node = (name, attributes, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const icon = name => {
    const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg"), use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    for (const [key, value] of [["class", "ic"], ["width", 16], ["height", 16], ["aria-hidden", true]]) drawn.setAttribute(key, value);
    use.setAttribute("href", `#i-${name}`);
    drawn.append(use);
    return drawn;
  };
  const pages = () => [...document.querySelectorAll("#pages a")].map(link => ({ group: "Go to", text: link.querySelector("span").textContent, href: link.href, icon: link.querySelector("use").getAttribute("href").slice(3), key: `g ${link.dataset.key}` }));
  const here = () => [...document.querySelectorAll("main a[data-act]")].slice(0, 12).map(one => ({ group: "On this page", text: [one.textContent.trim(), one.closest("tr")?.querySelector("b, a")?.textContent].filter(Boolean).join(" "), act: () => one.click(), icon: one.querySelector("use")?.getAttribute("href").slice(3) || "bolt", key: one.dataset.key || "" }));
  const settings = () => [["Theme: system, light or dark", "theme", "\\"], ["Dense rows", "density", ""], ["Times in UTC or local", "zone", ""]].map(([text, name, key]) => ({ group: "Look", text, act: () => document.querySelector(`[data-${name}-toggle]`).click(), icon: name === "theme" ? "theme" : name === "zone" ? "clock" : "rows", key }));
  const found = said => {
    const made = [], words = said.split(/\s+/).filter(Boolean);
    if (ID.test(said)) {
      made.push({ group: "By id", text: `Job ${said.slice(-8)}`, href: `${base}/jobs/${said.toLowerCase()}`, icon: "jobs" });
      made.push({ group: "By id", text: `Workflow ${said.slice(-8)}`, href: `${base}/workflows/${said.toLowerCase()}`, icon: "flow" });
      made.push({ group: "By id", text: `Tick ${said.slice(-8)}`, href: `${base}/ticks?tick=${said.toLowerCase()}`, icon: "ticks" });
    } else if (words.length && words.every(word => FIELD.test(word))) {
      made.push({ group: "Jobs", text: `Jobs with ${said}`, href: `${base}/jobs?q=${encodeURIComponent(said)}`, icon: "filter" });
    } else if (words.length === 1 && !said.includes(":")) {
      made.push({ group: "Jobs", text: `Jobs of the kind ${said}`, href: `${base}/jobs?q=${encodeURIComponent(`kind:${said}`)}`, icon: "filter" });
      made.push({ group: "Jobs", text: `Jobs in the queue ${said}`, href: `${base}/jobs?q=${encodeURIComponent(`queue:${said}`)}`, icon: "filter" });
    }
    return made;
  };
  addEventListener("DOMContentLoaded", () => {
    const dialog = document.getElementById("palette"), input = dialog.querySelector("input"), list = dialog.querySelector(".pal-list");
    let entries = [], chosen = 0;
    const mark = () => {
      const options = [...list.querySelectorAll("[role=option]")];
      options.forEach((option, i) => option.setAttribute("aria-selected", i === chosen));
      if (options[chosen]) { input.setAttribute("aria-activedescendant", options[chosen].id); options[chosen].scrollIntoView({ block: "nearest" }); } else input.removeAttribute("aria-activedescendant");
    };
    const run = entry => { if (!entry) return; dialog.close(); if (entry.href) location.href = entry.href; else entry.act(); };
    const show = () => {
      const said = input.value.trim(), words = said.toLowerCase().split(/\s+/);
      entries = [...[...here(), ...pages(), ...settings()].filter(entry => words.every(word => entry.text.toLowerCase().includes(word))), ...found(said)];
      chosen = 0;
      const made = [];
      let group = "", box = null;
      entries.forEach((entry, i) => {
        if (entry.group !== group) { group = entry.group; box = node("div", { role: "group", "aria-label": group }, node("h3", { "aria-hidden": "true" }, group)); made.push(box); }
        const option = node(entry.href ? "a" : "button", { role: "option", id: `pal-${i}`, tabindex: "-1", "aria-selected": "false", ...(entry.href ? { href: entry.href } : { type: "button" }) }, icon(entry.icon), node("span", {}, entry.text));
        if (entry.key) option.append(node("kbd", {}, entry.key));
        option.addEventListener("click", event => { event.preventDefault(); run(entry); });
        box.append(option);
      });
      list.replaceChildren(...(made.length ? made : [node("p", { class: "note" }, "Nothing is called so.")]));
      mark();
    };
    dialog.addEventListener("tickover:open", () => { input.value = ""; show(); input.focus(); });
    input.addEventListener("input", show);
    input.addEventListener("keydown", event => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + entries.length) % Math.max(1, entries.length); mark(); }
      if (event.key === "Enter") { event.preventDefault(); run(entries[chosen]); }
    });
  });
})();
