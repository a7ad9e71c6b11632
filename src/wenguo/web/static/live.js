// Hears of changes while the page is open and says so; nothing moves until it is tapped.
// <body data-live="address of the event stream">. Parts that may refresh name their address and topics:
// <section id="timeline" data-refresh="/desk/…" data-topics="case:TS-0042">; with data-quietly they refresh at once.
// A list that cannot be followed row by row asks at its data-news how many of the rows it shows (data-key, data-version)
// are no longer so; what changed elsewhere is no news to it. A short list (data-look) reads its own page again and compares
// which rows there are.
(() => {
  const { say } = window.wenguo;
  const address = document.body.dataset.live;
  const bar = document.getElementById("live");
  if (!address || !bar) return;

  let heard = 0;
  let stale = new Set();
  let own = 0; // the moment of our own last act: its echo is no news
  document.addEventListener("htmx:afterRequest", (event) => { if (event.detail.requestConfig?.verb !== "get") own = Date.now(); });

  const parts = () => [...document.querySelectorAll("[data-refresh]")];
  const concerns = (part, topic) => !topic || !part.dataset.topics || part.dataset.topics.split(",").includes(topic);
  const asks = (part) => part.dataset.news || "look" in part.dataset;
  const asked = new Map(); // when a list may ask again: not at every change of a busy house
  const REST_MS = { "today-do": 15000 };
  const keys = (part) => new Set([...part.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
  async function changed(part) {
    if (part.dataset.news) {
      const shown = [...part.querySelectorAll("[data-version]")].map((row) => `${row.dataset.key}.${row.dataset.version}`);
      const answer = await fetch(`${part.dataset.news}&shown=${encodeURIComponent(shown.slice(0, 200).join(","))}`, { credentials: "same-origin", headers: { "HX-Request": "true" } });
      return answer.ok ? (await answer.json()).n : null;
    }
    const answer = await fetch(part.dataset.refresh, { credentials: "same-origin" });
    const fresh = answer.ok && !answer.redirected && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
    if (!fresh) return null;
    const [was, is] = [keys(part), keys(fresh)];
    return Math.max([...is].filter((key) => !was.has(key)).length, [...was].filter((key) => !is.has(key)).length);
  }
  function ask(part) {
    if (part.dataset.asking) return;
    part.dataset.asking = "1";
    setTimeout(async () => {
      asked.set(part.id, Date.now() + (REST_MS[part.id] || ("look" in part.dataset ? 15000 : 4000)));
      delete part.dataset.asking;
      try {
        const n = await changed(part);
        if (n === null || !part.isConnected) return;
        if (n) { stale.add(part.id); heard = n; announce(); } else if (stale.delete(part.id) && !stale.size) { heard = 0; bar.hidden = true; }
      } catch { /* still away */ }
    }, Math.max(0, (asked.get(part.id) || 0) - Date.now()));
  }
  const refresh = (part) => window.htmx?.ajax("GET", part.dataset.refresh, { target: part, swap: "outerHTML" });

  // Close after an act of our own it may be the echo: a little later the page knows, for a part says in data-seen up to
  // which event it tells. What others did meanwhile is news all the same.
  const LOOKS = ["case.seen", "case.printed", "case.exported", "evidence.seen"]; // they change nothing on the page
  function hear(change, waited = false) {
    if (!waited && Date.now() - own < 1500) { setTimeout(() => hear(change, true), 1500); return; }
    if (change.topic?.startsWith("staff:")) { bell(); return; }
    const told = (part) => (part.dataset.seen && change.seq ? change.seq <= Number(part.dataset.seen) || LOOKS.includes(change.type) : waited && !asks(part));
    const concerned = parts().filter((part) => concerns(part, change.topic));
    const all = concerned.filter((part) => !told(part));
    if (!all.length && (waited || concerned.length)) return;
    all.filter(asks).forEach(ask);
    const touched = all.filter((part) => !asks(part));
    if (all.length && !touched.length) return;
    touched.filter((part) => "quietly" in part.dataset).forEach(refresh);
    const loud = touched.filter((part) => !("quietly" in part.dataset));
    if (touched.length && !loud.length) return;
    loud.forEach((part) => stale.add(part.id));
    heard += 1;
    announce();
  }

  // The bell counts by itself and says what came; nothing else on the page moves.
  let ringing;
  function bell() {
    clearTimeout(ringing);
    ringing = setTimeout(async () => {
      const link = document.querySelector(".top-bell");
      if (!link?.dataset.bell) return;
      try {
        const answer = await fetch(link.dataset.bell, { credentials: "same-origin", headers: { "HX-Request": "true" } });
        if (!answer.ok) return;
        const { n, words, latest } = await answer.json();
        let badge = link.querySelector(".count");
        if (!badge && n) { badge = document.createElement("span"); badge.className = "count"; link.append(badge); }
        if (badge) { badge.textContent = words; badge.hidden = !n; }
        if (latest && latest !== link.dataset.told) { link.dataset.told = latest; window.wenguo.notify(latest, "info"); }
      } catch { /* still away */ }
    }, 600);
  }

  function announce() {
    let button = bar.querySelector("button");
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.addEventListener("click", show);
      bar.append(button);
    }
    button.textContent = `${say(heard === 1 ? "updates1" : "updates", { n: heard })} · ${say("show")}`;
    bar.hidden = false;
  }

  function show() {
    const known = parts().filter((part) => stale.has(part.id));
    heard = 0;
    stale = new Set();
    bar.hidden = true;
    if (known.length && !known.some((part) => "look" in part.dataset)) known.forEach(refresh); else location.reload();
  }

  // ── the stream, and asking every minute when there is none ──
  let failures = 0;
  let polling = null;
  const seen = new Map();
  async function poll() {
    bell();
    for (const part of parts()) {
      if (asks(part)) { ask(part); continue; }
      try {
        const answer = await fetch(part.dataset.refresh, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
        if (!answer.ok) continue;
        const text = (await answer.text()).replace(/(data-seen|value)="\d+"/g, ""); // who only looked changed nothing
        const was = seen.get(part.id);
        seen.set(part.id, text);
        if (was !== undefined && was !== text) hear({ topic: part.dataset.topics?.split(",")[0] });
      } catch { /* still away */ }
    }
  }
  function listen() {
    const stream = new EventSource(address);
    stream.onopen = () => { failures = 0; clearInterval(polling); polling = null; };
    stream.onmessage = (event) => { try { hear(JSON.parse(event.data)); } catch { /* not ours */ } };
    stream.onerror = () => {
      failures += 1;
      if (failures >= 3 && !polling) { poll(); polling = setInterval(poll, 60000); }
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, Math.min(60000, 2000 * failures));
    };
    window.addEventListener("pagehide", () => stream.close());
  }
  if ("EventSource" in window) listen(); else polling = setInterval(poll, 60000);
  window.addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
})();
