// Hears of changes while the page is open and says so; nothing moves until it is tapped.
// <body data-live="address of the event stream">. Parts that may refresh name their address and topics:
// <section id="timeline" data-refresh="/desk/…" data-topics="case:TS-0042">; with data-quietly they refresh at once.
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
  const refresh = (part) => window.htmx?.ajax("GET", part.dataset.refresh, { target: part, swap: "outerHTML" });

  function hear(change) {
    if (Date.now() - own < 1500) return;
    const touched = parts().filter((part) => concerns(part, change.topic));
    touched.filter((part) => "quietly" in part.dataset).forEach(refresh);
    const loud = touched.filter((part) => !("quietly" in part.dataset));
    if (touched.length && !loud.length) return;
    loud.forEach((part) => stale.add(part.id));
    heard += 1;
    announce();
  }

  function announce() {
    let button = bar.querySelector("button");
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.addEventListener("click", show);
      bar.append(button);
    }
    button.textContent = `${say("updates", { n: heard })} · ${say("show")}`;
    bar.hidden = false;
  }

  function show() {
    const known = parts().filter((part) => stale.has(part.id));
    heard = 0;
    stale = new Set();
    bar.hidden = true;
    if (known.length) known.forEach(refresh); else location.reload();
  }

  // ── the stream, and asking every minute when there is none ──
  let failures = 0;
  let polling = null;
  const seen = new Map();
  async function poll() {
    for (const part of parts()) {
      try {
        const answer = await fetch(part.dataset.refresh, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
        if (!answer.ok) continue;
        const text = await answer.text();
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
