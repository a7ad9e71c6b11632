// The case page and the entry: shut what was opened, sift a long list, put words into the composer.
(() => {
  document.addEventListener("click", (event) => {
    const shut = event.target.closest?.("[data-shut]");
    const box = shut && document.querySelector(shut.dataset.shut);
    if (box && box.closest("#act-slot, #clock-told")) { event.preventDefault(); box.remove(); }
    const into = event.target.closest?.("[data-into]");
    const field = into && document.querySelector(into.dataset.into);
    if (field) {
      field.closest("details")?.setAttribute("open", "");
      event.preventDefault();
      if (into.dataset.words) {
        field.value += (field.value && !field.value.endsWith("\n") ? "\n" : "") + into.dataset.words;
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
      field.focus();
    }
  });
  document.addEventListener("input", (event) => {
    const list = event.target.dataset?.sift && document.querySelector(event.target.dataset.sift);
    if (!list) return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const group of list.querySelectorAll("optgroup")) {
      let any = false;
      for (const option of group.querySelectorAll("option")) {
        const fits = !wanted || `${group.label} ${option.textContent} ${option.dataset.words}`.toLowerCase().includes(wanted);
        option.hidden = !fits;
        any ||= fits;
      }
      group.hidden = !any;
    }
  });
  // An opened form comes into view; its first field gets the cursor.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id !== "act-slot" && event.target.id !== "clock-told") return;
    event.target.scrollIntoView({ block: "nearest" });
    const fields = [...event.target.querySelectorAll("select:not([size]), textarea, input:not([type=hidden])")];
    const open = fields.find((field) => field.type !== "radio" || !event.target.querySelector(`[name="${field.name}"]:checked`)); // a choice still to be made comes first
    open?.focus({ preventScroll: true });
  });
  // Who unfolds a form by hand writes at once; from the keyboard the cursor stays where it was, as everywhere.
  document.addEventListener("click", (event) => {
    const part = event.detail > 0 && event.target.closest?.(".unfold > summary")?.parentElement;
    if (part) setTimeout(() => {
      const first = part.open && part.querySelector(".unfold-body :is(input:not([type=hidden]), select, textarea)");
      if (first && first.matches("textarea, [type=text]")) first.focus({ preventScroll: true });
    });
  });
})();
// A suggestion is taken over with one tap.
document.addEventListener("click", (event) => {
  const pick = event.target.closest?.("[data-pick]");
  const field = pick && document.querySelector(pick.dataset.pick);
  if (!field) return;
  field.value = pick.dataset.value;
  field.dispatchEvent(new Event("change", { bubbles: true }));
});
// Two panes of the middle column: the work of the stage, and what was said. Without script both stand below each other.
// The one that was chosen stays in front until the case moves on or somebody else has it.
(() => {
  const bar = document.querySelector("[data-panes]");
  const panes = [...document.querySelectorAll("[data-pane]")];
  if (!bar || panes.length < 2) return;
  const key = `wenguo.pane.${bar.dataset.panes}`;
  const show = (id) => {
    panes.forEach((pane) => { pane.hidden = pane.id !== id; });
    bar.querySelectorAll("a").forEach((a) => a.getAttribute("href") === `#${id}` ? a.setAttribute("aria-current", "true") : a.removeAttribute("aria-current"));
  };
  const paneOf = (hash) => {
    const target = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
    return target ? panes.find((pane) => pane.contains(target)) : null;
  };
  const kept = (() => { try { return sessionStorage.getItem(key); } catch { return null; } })();
  const first = paneOf(location.hash) || panes.find((pane) => pane.id === kept) || panes.find((pane) => "paneFirst" in pane.dataset) || panes[0];
  show(first.id);
  bar.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    const id = link.getAttribute("href").slice(1);
    show(id);
    try { sessionStorage.setItem(key, id); } catch { /* private window */ }
  });
  // Whatever leads into a hidden pane opens it: a link, a key, words put into the composer.
  const reveal = (node) => { const pane = panes.find((one) => one.contains(node)); if (pane?.hidden) show(pane.id); };
  window.addEventListener("hashchange", () => { const pane = paneOf(location.hash); if (pane) { show(pane.id); document.querySelector(location.hash)?.scrollIntoView(); } });
  document.addEventListener("click", (event) => {
    const into = event.target.closest?.("[data-into]");
    if (into) reveal(document.querySelector(into.dataset.into));
    const keyed = event.target.closest?.("summary[data-key]");
    if (keyed) reveal(keyed);
  }, true);
})();
// An act is done and its form is gone: the next step is what one sees, not whatever has moved up.
(() => {
  let acting = false;
  document.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.requestConfig.verb === "post") acting = Boolean(event.target.closest?.("#act-slot")); });
  document.addEventListener("htmx:afterSettle", () => {
    const next = document.querySelector("#case-next");
    if (!acting || !next || document.querySelector("#act-slot form")) return;
    acting = false;
    const { top } = next.getBoundingClientRect();
    if (top < 0 || top > innerHeight) next.scrollIntoView({ block: "start" });
  });
  let worked = "";
  document.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.requestConfig.verb === "post") worked = event.target.closest?.("#case-work section[id]")?.id || ""; });
  document.addEventListener("htmx:afterSettle", () => { // a panel that became shorter than what one had scrolled to
    const panel = worked && document.getElementById(worked);
    worked = "";
    if (panel && panel.getBoundingClientRect().bottom < innerHeight * 0.4) panel.scrollIntoView({ block: "start" });
  });
})();
// Says that this page is open, and shows who else has it open. Silent while the page is hidden.
(() => {
  const slot = () => document.querySelector("[data-watch]");
  const first = slot();
  if (!first) return;
  const address = first.dataset.watch;
  const writing = () => [...document.querySelectorAll(".composer textarea, #reply-form textarea")].some((field) => field.value.trim() && field.value !== field.defaultValue);
  const body = (extra) => { const form = new FormData(); form.append("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]")?.value || ""); for (const name of extra) form.append(name, "1"); return form; };
  let shown = "", opened = false; // what the bell said of this case is seen with it
  const put = () => { const now = slot(); if (now && now.innerHTML !== shown && !now.querySelector("details[open]")) now.innerHTML = shown; };
  async function beat() {
    if (document.hidden) return;
    try {
      const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
      const answer = await fetch(address, { method: "POST", body: body([...(writing() ? ["writing"] : []), ...(opened ? [] : ["opened"])]), credentials: "same-origin", headers: { "HX-Request": "true", ...(token ? { "X-CSRFToken": token } : {}) } });
      if (!answer.ok) return;
      opened = true;
      shown = (await answer.text()).trim();
      put();
    } catch { /* away */ }
  }
  setTimeout(beat, 800);
  setInterval(beat, 40000);
  let said = false; // the first words are told at once: that is when two begin to write to the same customer
  document.addEventListener("input", () => { if (!said && writing()) { said = true; beat(); } });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) beat(); });
  document.addEventListener("htmx:afterSettle", put);
  window.addEventListener("pagehide", () => navigator.sendBeacon?.(address, body(["gone"])));
})();
// On a phone the customer, the record and the files are folded: the next step and the story come first.
(() => {
  const narrow = window.matchMedia("(max-width: 899.98px)");
  const words = document.querySelector(".case-left")?.dataset;
  if (!words) return;
  const opened = new Set();
  function dress() {
    for (const panel of document.querySelectorAll(".case-left > .panel, #case-hints")) {
      const head = panel.querySelector(":scope > .panel-head");
      if (!head || head.querySelector(".fold-button")) continue;
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "btn-plain fold-button" });
      const show = () => {
        const open = opened.has(panel.id) || !narrow.matches;
        panel.toggleAttribute("data-folded", !open);
        button.textContent = open ? words.shut : words.open;
        button.setAttribute("aria-expanded", String(open));
        button.setAttribute("aria-label", `${button.textContent} ${head.querySelector("h2")?.textContent.trim() || ""}`);
      };
      button.addEventListener("click", () => { if (opened.has(panel.id)) opened.delete(panel.id); else opened.add(panel.id); show(); });
      narrow.addEventListener("change", show);
      if (panel.contains(document.querySelector(location.hash.length > 1 ? `#${CSS.escape(location.hash.slice(1))}` : "nothing"))) opened.add(panel.id);
      head.append(button);
      show();
    }
  }
  document.addEventListener("htmx:beforeSwap", (event) => { const panel = event.target.closest?.(".case-left > .panel"); if (panel) opened.add(panel.id); });
  document.addEventListener("htmx:afterSettle", dress);
  dress();
})();
