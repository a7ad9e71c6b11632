// The queue: a selection with a bar of acts, a look at the row beside the list, a list that refreshes in place.
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const panel = $("#queue");
  const peek = $("#peek");
  if (!panel) return;
  const wide = matchMedia("(min-width: 1200px)");

  // ── the views in one line: what has no room goes into the menu at its end, never the one in force ──
  const line = $("#views");
  const more = $("#views-more");
  const views = $$("a", line);
  const phone = matchMedia("(max-width: 767.98px)"); // there the line is pushed by the thumb
  function fold() {
    line.append(...views);
    more.hidden = phone.matches || line.scrollWidth <= line.clientWidth;
    if (!more.hidden) {
      const menu = $(".drop-list", more);
      more.hidden = false;
      for (const view of views.filter((v) => !v.hasAttribute("aria-current")).reverse()) {
        if (line.scrollWidth <= line.clientWidth) break;
        menu.prepend(view);
      }
    }
    const now = $("[aria-current]", line);
    if (now) line.scrollLeft = now.offsetLeft - (line.clientWidth - now.offsetWidth) / 2;
  }
  new ResizeObserver(fold).observe(line.parentElement);

  // ── the selection ──
  const boxes = () => $$('input[name="case"][form="bulk"]', panel);
  let picked = new Set();
  let last = null;
  function count() {
    picked = new Set(boxes().filter((b) => b.checked).map((b) => b.value));
    panel.classList.toggle("has-picked", picked.size > 0);
    const number = $("[data-picked]", panel);
    if (number) number.textContent = picked.size;
    const all = $("[data-pick-all]", panel);
    if (all) {
      all.checked = picked.size > 0 && picked.size === boxes().length;
      all.indeterminate = picked.size > 0 && picked.size < boxes().length;
    }
  }
  panel.addEventListener("click", (event) => {
    const box = event.target.closest?.('input[name="case"]');
    if (box) { // with Shift: all between this one and the last
      const all = boxes();
      if (event.shiftKey && last && all.includes(last)) {
        const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
        all.slice(from, to + 1).forEach((b) => { b.checked = box.checked; });
      }
      last = box;
    }
    if (event.target.closest?.("[data-unpick]")) { boxes().forEach((b) => { b.checked = false; }); count(); }
  });
  panel.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-all]")) boxes().forEach((b) => { b.checked = event.target.checked; });
    if (event.target.matches('[data-pick-all], input[name="case"]')) count();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input:not([type=checkbox]), textarea, select") || $("dialog[open]")) return;
    const box = $('tr.at input[name="case"]', panel);
    if (box) { box.checked = !box.checked; last = box; count(); }
  });

  // ── after an act: the list anew, where one was ──
  function refresh() {
    const list = $("#queue-list");
    if (list && window.htmx) window.htmx.ajax("GET", list.dataset.refresh, { target: "#queue-list", swap: "outerHTML" });
  }
  let here = null;
  let done = [];
  let told = false; // what became of each row stands above the list, which may be scrolled away
  document.addEventListener("wenguo:relist", () => {
    const refused = new Set($$("#bulk-done [data-refused]").map((e) => e.dataset.refused));
    told = true;
    done = refused.size ? [...picked].filter((pk) => !refused.has(pk)) : [...picked];
    $$(".bulk-bar details[open]").forEach((d) => { d.open = false; });
    refresh();
    if (peek.dataset.of) look($(`tr[data-peek="${CSS.escape(peek.dataset.of)}"]`) || { dataset: { peek: peek.dataset.of } }, true);
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target?.id !== "queue-list") return;
    here = { at: $("tr.at", panel)?.dataset.key, focus: document.activeElement?.closest?.("tr[data-key]")?.dataset.key, y: scrollY };
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const box of boxes()) if (picked.has(box.value) && !done.includes(box.value)) box.checked = true;
    done = [];
    if (here) {
      const row = (key) => key && $(`tr[data-key="${CSS.escape(key)}"]`, panel);
      row(here.at)?.classList.add("at");
      if (here.focus) $("a", row(here.focus) || document.createElement("i"))?.focus({ preventScroll: true });
      scrollTo(0, here.y);
      here = null;
    }
    if (told) $("#bulk-done")?.scrollIntoView({ block: "nearest" });
    told = false;
    count();
  });

  // ── the look beside ──
  let waiting;
  function look(row, again = false) {
    const address = row?.dataset.peek;
    if (!address || !wide.matches || (!again && peek.dataset.of === address)) return;
    peek.dataset.of = address;
    peek.parentElement.classList.add("peeking");
    clearTimeout(waiting);
    waiting = setTimeout(() => window.htmx?.ajax("GET", address, { target: peek, swap: "innerHTML" }), 120);
  }
  document.addEventListener("wenguo:at", (event) => look(event.target));
  panel.addEventListener("click", (event) => {
    const row = event.target.closest?.("tr[data-row]");
    if (!row || event.target.closest("a, button, input, label, summary")) return;
    if (!wide.matches) { $("a.no", row)?.click(); return; }
    $$("tr.at", panel).forEach((r) => r.classList.toggle("at", r === row));
    row.classList.add("at");
    look(row);
  });
  function close() {
    peek.parentElement.classList.remove("peeking");
    peek.replaceChildren();
    delete peek.dataset.of;
  }
  document.addEventListener("click", (event) => { if (event.target.closest?.("[data-peek-close]")) close(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && peek.dataset.of && !event.target.closest?.("input:not([type=checkbox]), textarea, select") && !$("dialog[open], details[data-drop][open]")) close();
  });
  count();
  window.addEventListener("pageshow", count);
})();
