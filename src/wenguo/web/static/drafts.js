// What is typed is never lost: forms with data-draft="key" keep their words on this device until they are accepted.
(() => {
  const { say } = window.wenguo || { say: () => "" };
  const PREFIX = "wenguo.draft.";
  const KEEP_MS = 7 * 24 * 3600 * 1000;
  const store = (() => { try { localStorage.setItem("wenguo.try", "1"); localStorage.removeItem("wenguo.try"); return localStorage; } catch { return null; } })();
  if (!store) return;

  const skipped = (control) => !control.name || /csrf|password|token|code/i.test(control.name)
    || ["hidden", "file", "password", "submit", "button"].includes(control.type);
  const controls = (form) => [...form.elements].filter((control) => !skipped(control));
  const valueOf = (c) => (["checkbox", "radio"].includes(c.type) ? c.checked : c.value);
  const keyOf = (c) => (["checkbox", "radio"].includes(c.type) ? `${c.name}=${c.value}` : c.name);
  const untouched = (c) => (["checkbox", "radio"].includes(c.type) ? c.checked === c.defaultChecked
    : c.tagName === "SELECT" && !c.multiple ? c.selectedIndex === Math.max(0, [...c.options].findIndex((o) => o.defaultSelected)) : c.value === c.defaultValue);

  function keep(form) {
    const changed = controls(form).filter((c) => !untouched(c));
    const key = PREFIX + form.dataset.draft;
    if (!changed.length) { store.removeItem(key); return; }
    try { store.setItem(key, JSON.stringify({ at: Date.now(), values: Object.fromEntries(changed.map((c) => [keyOf(c), valueOf(c)])) })); } catch { /* full */ }
  }

  function restore(form) {
    if (form.dataset.draftReady) return;
    form.dataset.draftReady = "1";
    let kept;
    try { kept = JSON.parse(store.getItem(PREFIX + form.dataset.draft)); } catch { kept = null; }
    if (!kept) return;
    let restored = 0;
    for (const control of controls(form)) {
      const value = kept.values[keyOf(control)];
      if (value === undefined || !untouched(control) || value === valueOf(control)) continue;
      if (["checkbox", "radio"].includes(control.type)) control.checked = value; else control.value = value;
      restored += 1;
    }
    if (!restored) return;
    const note = document.createElement("div");
    note.className = "draft-note";
    const line = document.createElement("span");
    line.textContent = say("restored", { time: new Date(kept.at).toLocaleString(document.documentElement.lang, { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" }) });
    const drop = document.createElement("button");
    Object.assign(drop, { type: "button", className: "linklike", textContent: say("discard") });
    drop.addEventListener("click", () => { store.removeItem(PREFIX + form.dataset.draft); form.reset(); note.remove(); });
    note.append(line, drop);
    form.prepend(note);
  }

  const forget = (key) => store.removeItem(PREFIX + key);
  const all = (root = document) => root.querySelectorAll("form[data-draft]").forEach(restore);

  // Old drafts go, so that no customer's words stay on a shared computer.
  for (const key of Object.keys(store).filter((k) => k.startsWith(PREFIX))) {
    try { if (Date.now() - JSON.parse(store.getItem(key)).at > KEEP_MS) store.removeItem(key); } catch { store.removeItem(key); }
  }
  let waiting;
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-draft]");
    if (!form) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => keep(form), 400);
  });
  window.addEventListener("pagehide", () => document.querySelectorAll("form[data-draft]").forEach((f) => f.dataset.sent || keep(f)));
  // Accepted by htmx: forget. A plain post is forgotten when the server says so on the next page: <… data-draft-done="key">.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = event.target.closest?.("form[data-draft]");
    if (form) event.detail.xhr.wenguoDraft = form.dataset.draft;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.wenguoDraft && xhr.status < 400) { clearTimeout(waiting); forget(xhr.wenguoDraft); }
  });
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr } = event.detail;
    if (xhr.wenguoDraft && xhr.status < 400) { clearTimeout(waiting); forget(xhr.wenguoDraft); }
  });
  document.addEventListener("htmx:afterSettle", () => all());
  document.querySelectorAll("[data-draft-done]").forEach((e) => forget(e.dataset.draftDone));
  // Signing out on a shared computer takes the drafts along.
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-forget-drafts]")) Object.keys(store).filter((k) => k.startsWith(PREFIX)).forEach((k) => store.removeItem(k));
  });
  all();
})();
