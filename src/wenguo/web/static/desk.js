// What every staff page can do: keyboard, notices, refusals beside their fields, dialogs, no double submission, ticking clocks.
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const words = JSON.parse($("#words")?.textContent || "{}");
  const say = (key, values = {}) => (words[key] || "").replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  window.wenguo = { words, say, notify };

  // ── tabs that do not fit: the one we are on is in sight ──
  for (const row of $$(".tabs, .chips")) {
    const on = $(":scope > [aria-current]", row);
    if (on && row.scrollWidth > row.clientWidth) row.scrollLeft = on.offsetLeft - row.offsetLeft - (row.clientWidth - on.offsetWidth) / 2;
  }

  // ── notices ──
  function notify(text, kind = "info") {
    if ($$("#said > [data-notice] > .notice-words").some((line) => line.textContent.trim() === text)) return; // said already
    const box = document.createElement("div");
    box.className = `notice notice-${kind}`;
    box.dataset.notice = "";
    if (kind === "danger") box.setAttribute("role", "alert");
    const line = document.createElement("div");
    line.className = "notice-words";
    line.textContent = text;
    const close = document.createElement("button");
    Object.assign(close, { type: "button", className: "notice-close", textContent: "×" });
    close.dataset.closeNotice = "";
    close.setAttribute("aria-label", say("close"));
    box.append(line, close);
    $("#said")?.append(box);
  }
  function settle(box) { // good news leaves by itself, everything else stays until it is closed
    if (box.dataset.seen) return;
    box.dataset.seen = "1";
    const calm = box.classList.contains("notice-success") || box.classList.contains("notice-info");
    if (calm && box.dataset.notice !== "stay") setTimeout(() => box.remove(), 6000);
    while ($$("#said > .notice").length > 4) $("#said > .notice").remove();
  }
  const said = $("#said");
  if (said) {
    $$(".notice", said).forEach(settle);
    new MutationObserver(() => $$(".notice", said).forEach(settle)).observe(said, { childList: true, subtree: true });
  }

  // ── htmx: failures ──
  document.addEventListener("htmx:sendError", () => notify(say("network"), "danger"));
  document.addEventListener("htmx:timeout", () => notify(say("slow"), "danger"));
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status >= 400 && !xhr.getResponseHeader("HX-Retarget")) { // not one of our notices: keep the page as it is
      event.detail.shouldSwap = false;
      notify(say("broken"), "danger");
    }
  });
  document.addEventListener("wenguo:refused", (event) => {
    const form = event.target.closest?.("form");
    if (form) mark(form, event.detail.fields || {});
  });
  // What is still missing is said beside its field, in the language of the page, where a bubble of the browser would
  // show for a moment or, on a phone, not at all.
  let lacking = null;
  document.addEventListener("invalid", (event) => {
    const control = event.target;
    if (!control.form || !control.name) return;
    event.preventDefault();
    if (!lacking) {
      lacking = {};
      setTimeout(() => { const fields = lacking; lacking = null; mark(control.form, fields); });
    }
    const chosen = control.matches("select, [type=radio], [type=checkbox], [type=file]");
    lacking[control.name] ??= control.validity.valueMissing ? say(chosen ? "choose" : "fill") : control.validationMessage;
  }, true);
  document.addEventListener("input", (event) => {
    const frame = event.target.closest?.("[data-field]");
    const line = frame && $(".wrong[data-by-script]", frame);
    if (!line) return;
    line.remove();
    $$(".is-invalid", frame).forEach((control) => { control.classList.remove("is-invalid"); control.removeAttribute("aria-invalid"); });
  });
  function mark(form, fields) {
    clearWrong(form);
    let first = null;
    for (const [name, message] of Object.entries(fields)) {
      const control = $(`[name="${CSS.escape(name)}"]`, form);
      const frame = $(`[data-field="${CSS.escape(name)}"]`, form) || control?.parentElement;
      if (!frame) continue;
      const line = document.createElement("p");
      line.className = "wrong";
      line.dataset.byScript = "";
      line.textContent = message;
      frame.append(line);
      if (control) {
        control.classList.add("is-invalid");
        control.setAttribute("aria-invalid", "true");
        first ??= control;
      }
    }
    for (let shut = first?.closest("details:not([open])"); shut; shut = shut.parentElement.closest("details:not([open])")) shut.open = true;
    first?.focus({ preventScroll: true });
    (first?.closest("[data-field]") || first)?.scrollIntoView({ block: "center" });
  }
  function clearWrong(form) {
    $$(".wrong[data-by-script]", form).forEach((line) => line.remove());
    $$(".is-invalid", form).forEach((control) => { control.classList.remove("is-invalid"); control.removeAttribute("aria-invalid"); });
  }

  // ── the network goes and comes; one signs in again in another tab ──
  const fresh = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
  document.addEventListener("htmx:configRequest", (event) => {
    if (fresh()) event.detail.headers["X-CSRFToken"] = fresh();
    const pressed = event.detail.triggeringEvent?.submitter; // a button outside its form (form="…") is the form's all the same
    if (pressed?.name && pressed.getAttribute("form")) event.detail.parameters[pressed.name] = pressed.value;
  });
  window.addEventListener("offline", () => notify(say("away"), "danger"));
  window.addEventListener("online", () => {
    $$("#said > .notice-danger").forEach((old) => { if (old.textContent.includes(say("away"))) old.remove(); });
    notify(say("online"), "success");
  });

  // ── asking before, and pressing only once ──
  function ask(question) {
    return new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      dialog.className = "sheet";
      const body = document.createElement("div");
      body.className = "sheet-body words";
      body.textContent = question || say("sure");
      const foot = document.createElement("form");
      foot.method = "dialog";
      foot.className = "sheet-foot";
      for (const [value, kind] of [["cancel", "btn-second"], ["confirm", "btn-primary"]]) {
        const button = document.createElement("button");
        Object.assign(button, { value, className: `btn ${kind}`, textContent: say(value) });
        foot.append(button);
      }
      dialog.append(body, foot);
      dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "confirm"); });
      document.body.append(dialog);
      dialog.showModal();
      foot.lastChild.focus();
    });
  }
  document.addEventListener("htmx:confirm", (event) => {
    const asker = event.detail.elt.closest("[data-confirm]") || event.detail.triggeringEvent?.submitter?.closest("[data-confirm]");
    const submitter = event.detail.triggeringEvent?.submitter;
    const question = submitter?.dataset.confirm || asker?.dataset.confirm;
    if (!question || event.detail.triggeringEvent?.type === "input") return;
    event.preventDefault();
    ask(question).then((yes) => yes && event.detail.issueRequest(true));
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "dialog" || form.matches("[hx-post], [hx-get], [hx-put], [hx-delete], [data-no-guard]")) return;
    const question = event.submitter?.dataset.confirm || form.dataset.confirm;
    if (question && !form.dataset.confirmed) {
      event.preventDefault();
      ask(question).then((yes) => {
        if (!yes) return;
        form.dataset.confirmed = "1";
        form.requestSubmit(event.submitter || undefined);
      });
      return;
    }
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (form.method === "post" && !navigator.onLine) { event.preventDefault(); notify(say("away"), "danger"); return; }
    const token = form.elements.csrfmiddlewaretoken;
    if (token && fresh()) token.value = fresh();
    form.dataset.sent = "1";
    event.submitter?.classList.add("busy");
    setTimeout(() => { delete form.dataset.sent; event.submitter?.classList.remove("busy"); }, 8000);
  });
  window.addEventListener("pageshow", () => $$("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    delete form.dataset.confirmed;
    $$(".busy", form).forEach((button) => button.classList.remove("busy"));
  }));
  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = event.target.closest?.("form");
    if (!form || event.detail.requestConfig.verb === "get") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    $$("#said > :is(.notice-warning, .notice-danger)").forEach((old) => old.remove());
    event.detail.requestConfig.triggeringEvent?.submitter?.classList.add("busy");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("form");
    if (!form) return;
    delete form.dataset.sent;
    $$(".busy", form).forEach((button) => button.classList.remove("busy"));
    if (event.detail.successful) clearWrong(form);
  });

  // ── clicks ──
  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest?.(selector);
    on("[data-close-notice]")?.closest(".notice").remove();
    if (on("[data-reload]")) { event.preventDefault(); location.reload(); }
    if (on("[data-help]")) $("#help")?.showModal();
    if (on("[data-print]")) print();
    const clear = on("[data-clear]");
    if (clear) $(clear.dataset.clear)?.replaceChildren();
    const opener = on("[data-open]");
    if (opener) { event.preventDefault(); document.getElementById(opener.dataset.open)?.showModal(); }
    if (on("[data-close]")) on("[data-close]").closest("dialog")?.close();
    if (event.target.matches?.("dialog")) { // a click beside the dialog
      const box = event.target.getBoundingClientRect();
      const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) event.target.close();
    }
    const copy = on("[data-copy]");
    if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => notify(say("copied"), "success"));
    for (const drop of $$("details[data-drop][open]")) if (!drop.contains(event.target)) drop.open = false;
    if (location.hash === "#menu" && !on("#menu") && !on('[href="#menu"]')) location.hash = "#main";
  });

  // ── keyboard ──
  const typing = (target) => target.closest?.("input, textarea, select, [contenteditable=true]");
  const rows = () => $$("[data-row]").filter((row) => row.offsetParent !== null);
  function step(by) {
    const all = rows();
    if (!all.length) return;
    const was = all.findIndex((row) => row.classList.contains("at"));
    const next = all[Math.max(0, Math.min(all.length - 1, was < 0 ? (by > 0 ? 0 : all.length - 1) : was + by))];
    all.forEach((row) => row.classList.toggle("at", row === next));
    next.scrollIntoView({ block: "nearest" });
    remember(next);
    next.dispatchEvent(new CustomEvent("wenguo:at", { bubbles: true }));
  }
  // Back from a case, the list is where one left it.
  const place = `wenguo.at.${location.pathname}${location.search}`;
  function remember(row) { try { sessionStorage.setItem(place, row.dataset.key || ""); } catch { /* private window */ } }
  document.addEventListener("click", (event) => { const row = event.target.closest?.("[data-row][data-key]"); if (row) remember(row); }, true);
  window.addEventListener("load", () => {
    if (performance.getEntriesByType("navigation")[0]?.type !== "back_forward") return;
    let key = "";
    try { key = sessionStorage.getItem(place) || ""; } catch { /* private window */ }
    const row = key && rows().find((one) => one.dataset.key === key);
    if (row) { row.classList.add("at"); row.scrollIntoView({ block: "nearest" }); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const form = event.target.closest?.("form");
      if (form) { event.preventDefault(); form.requestSubmit($("[data-main-submit]", form) || undefined); }
      return;
    }
    if (event.key === "Escape") {
      $$("details[data-drop][open]").forEach((drop) => { drop.open = false; $("summary", drop)?.focus(); });
      if (location.hash === "#menu") location.hash = "#main";
      if (typing(event.target) && event.target.matches("[data-search]")) event.target.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("dialog[open]")) return;
    const at = $("[data-row].at");
    if (event.key === "/") { event.preventDefault(); $("[data-search]")?.focus(); }
    else if (event.key === "?") $("#help")?.showModal();
    else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "Enter" && at && !event.target.closest("a, button, summary")) {
      const link = at.matches("a[href]") ? at : $("a[href]:not([hidden]), button[name=open]", at);
      link?.click();
    } else { // a screen names its own keys: <button data-key="e">
      const keyed = (at && $(`[data-key="${CSS.escape(event.key)}"]`, at)) || $(`[data-key="${CSS.escape(event.key)}"]`);
      if (keyed && keyed.getAttribute("aria-disabled") !== "true") {
        event.preventDefault();
        if (keyed.dataset.why) { notify(keyed.dataset.why, "warning"); return; } // no key is pressed in vain
        const part = keyed.matches("summary") ? keyed.parentElement : null; // opens, never shuts, and one may write at once
        if (part) part.open = false;
        keyed.matches("input, textarea, select") ? keyed.focus() : keyed.click();
        part?.querySelector("textarea, input:not([type=hidden])")?.focus();
      }
    }
  });

  // An address that ends in #composer-note opens that part and puts the cursor there.
  function arrive() {
    const part = location.hash.startsWith("#composer-") && document.getElementById(location.hash.slice(1));
    if (!part) return;
    part.open = true;
    requestAnimationFrame(() => $("textarea", part)?.focus());
  }
  window.addEventListener("load", arrive);
  window.addEventListener("hashchange", arrive);

  // ── clocks tick ──
  function span(seconds) {
    const whole = Math.floor(Math.abs(seconds) / 60);
    if (!whole) return say("moment");
    const parts = [["day", Math.floor(whole / 1440)], ["hour", Math.floor((whole % 1440) / 60)], [whole < 60 ? "minutes" : "minute", whole % 60]];
    const first = parts.findIndex(([, n]) => n);
    return parts.slice(first, first + 2).filter(([, n]) => n).map(([unit, n]) => unitWords(unit, n)).join(" ");
  }
  function unitWords(unit, n) {
    return say(n === 1 ? `${unit}1` : unit, { n });
  }
  setInterval(() => {
    for (const time of $$("time[data-left]")) {
      const left = (new Date(time.dateTime) - Date.now()) / 1000;
      const chip = time.closest(".clock");
      time.textContent = say(left > 0 ? "left" : "over", { span: span(left) });
      if (chip && left <= 0) { chip.classList.remove("clock-calm", "clock-warn"); chip.classList.add("clock-due"); }
    }
  }, 30000);
})();
