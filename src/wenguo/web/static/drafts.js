// What is typed is never lost: forms with data-draft="key" keep their words on this device until they are accepted.
(() => {
  const { say } = window.wenguo || { say: () => "" };
  const PREFIX = "wenguo.draft.";
  const KEEP_MS = 7 * 24 * 3600 * 1000;
  const store = (() => { try { localStorage.setItem("wenguo.try", "1"); localStorage.removeItem("wenguo.try"); return localStorage; } catch { return null; } })();
  if (!store) return;

  const two = (n) => String(n).padStart(2, "0");
  const clock = (at) => { const d = new Date(at); return `${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}`; }; // as everywhere at the desk

  const skipped = (control) => !control.name || /csrf|password|token|code/i.test(control.name)
    || ["hidden", "file", "password", "submit", "button"].includes(control.type);
  const controls = (form) => [...form.elements].filter((control) => !skipped(control));
  const picked = (c) => [...c.options].filter((o) => o.selected).map((o) => o.value);
  const valueOf = (c) => (["checkbox", "radio"].includes(c.type) ? c.checked : c.multiple && c.options ? picked(c) : c.value);
  const keyOf = (c) => (["checkbox", "radio"].includes(c.type) ? `${c.name}=${c.value}` : c.name);
  const untouched = (c) => (["checkbox", "radio"].includes(c.type) ? c.checked === c.defaultChecked
    : c.tagName === "SELECT" && c.multiple ? [...c.options].every((o) => o.selected === o.defaultSelected)
    : c.tagName === "SELECT" ? c.selectedIndex === Math.max(c.size > 1 ? -1 : 0, [...c.options].findIndex((o) => o.defaultSelected)) : c.value === c.defaultValue);

  function keep(form) {
    const changed = controls(form).filter((c) => !untouched(c));
    const key = PREFIX + form.dataset.draft;
    if (!changed.length) { store.removeItem(key); return; }
    try { store.setItem(key, JSON.stringify({ at: Date.now(), title: form.dataset.draftTitle || "", values: Object.fromEntries(changed.map((c) => [keyOf(c), valueOf(c)])) })); } catch { /* full */ }
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
      if (["checkbox", "radio"].includes(control.type)) control.checked = value;
      else if (Array.isArray(value)) for (const o of control.options) o.selected = value.includes(o.value);
      else control.value = value;
      restored += 1;
    }
    if (!restored) return;
    const note = document.createElement("div");
    note.className = "draft-note";
    const line = document.createElement("span");
    line.textContent = say("restored", { time: clock(kept.at) });
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
    delete form.dataset.taken;
    clearTimeout(waiting);
    waiting = setTimeout(() => keep(form), 400);
  });
  window.addEventListener("pagehide", () => document.querySelectorAll("form[data-draft]").forEach((f) => f.dataset.sent || f.dataset.taken || keep(f)));
  // Accepted by htmx: forget; a look-up while typing accepts nothing. A plain post is forgotten when the server says so on the next page: <… data-draft-done="key">.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt } = event.detail, form = elt.closest?.("form[data-draft]");
    if (form && (elt === form || elt.type === "submit")) Object.assign(event.detail.xhr, { wenguoDraft: form.dataset.draft, wenguoForm: form });
  });
  // `taken`: leaving the page for where the answer leads must not keep the words again.
  const accepted = ({ detail: { xhr } }) => {
    if (!xhr.wenguoDraft || xhr.status >= 400) return;
    clearTimeout(waiting);
    forget(xhr.wenguoDraft);
    xhr.wenguoForm.dataset.taken = "1";
  };
  document.addEventListener("htmx:beforeSwap", accepted);
  document.addEventListener("htmx:beforeOnLoad", accepted);
  document.addEventListener("htmx:afterSettle", () => all());
  document.querySelectorAll("[data-draft-done]").forEach((e) => forget(e.dataset.draftDone));
  // A form of the desk that went as an ordinary page, because htmx was not there yet: done when the next page says so.
  const SENT = "wenguo.sent";
  window.addEventListener("submit", (event) => { // last of all, so what holds it back has spoken
    if (!event.defaultPrevented && event.target.dataset.draft) sessionStorage.setItem(SENT, event.target.dataset.draft);
  });
  const sent = sessionStorage.getItem(SENT);
  sessionStorage.removeItem(SENT);
  if (sent && document.querySelector("#said .notice-success")) forget(sent);
  // Signing out on a shared computer takes the drafts along.
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-forget-drafts]")) Object.keys(store).filter((k) => k.startsWith(PREFIX)).forEach((k) => store.removeItem(k));
  });
  // Words whose form the page no longer has, because the case moved on meanwhile: shown, to be copied or dropped.
  const box = document.querySelector("[data-left-behind]");
  if (box) {
    const here = new Set([...document.querySelectorAll("form[data-draft]")].map((form) => PREFIX + form.dataset.draft));
    const lost = Object.keys(store).filter((k) => k.startsWith(PREFIX) && k.includes(box.dataset.leftBehind) && !here.has(k));
    for (const key of lost) {
      let kept;
      try { kept = JSON.parse(store.getItem(key)); } catch { continue; }
      const words = Object.values(kept.values || {}).filter((v) => typeof v === "string" && v.trim().length > 3).join("\n\n");
      if (!words) continue;
      if (!box.childElementCount) { const title = document.createElement("p"); title.textContent = box.dataset.title; box.append(title); box.className = "callout callout-warn left-behind"; }
      const one = document.createElement("details");
      one.open = true;
      const head = document.createElement("summary");
      head.textContent = `${kept.title ? `${kept.title} · ` : ""}${clock(kept.at)} · ${words.slice(0, 24)}`;
      const text = document.createElement("div");
      text.className = "words";
      text.textContent = words;
      const copy = document.createElement("button");
      Object.assign(copy, { type: "button", className: "btn btn-second btn-sm", textContent: box.dataset.copy });
      copy.addEventListener("click", async () => { try { await navigator.clipboard.writeText(words); copy.textContent = box.dataset.copied; } catch { getSelection().selectAllChildren(text); } });
      const drop = document.createElement("button");
      Object.assign(drop, { type: "button", className: "btn-plain", textContent: box.dataset.drop });
      drop.addEventListener("click", () => { store.removeItem(key); one.remove(); if (!box.querySelector("details")) { box.replaceChildren(); box.className = ""; } });
      const act = key.slice(PREFIX.length).match(/^act-(\w+)-/)?.[1];
      const open = document.createElement("a");
      Object.assign(open, { href: `${box.dataset.acts}${act}/`, className: "btn btn-second btn-sm", textContent: box.dataset.open });
      one.append(head, text, ...(act ? [open] : []), copy, drop);
      box.append(one);
    }
  }

  // Signed in again in another window, the page has an old token: take the one of the cookie, so that the words can be sent.
  const token = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
  document.addEventListener("htmx:configRequest", (event) => {
    const now = token();
    if (!now) return;
    event.detail.headers["X-CSRFToken"] = now;
    if (event.detail.verb !== "get") event.detail.parameters.csrfmiddlewaretoken = now;
  });
  document.addEventListener("submit", (event) => {
    const field = event.target.elements?.namedItem?.("csrfmiddlewaretoken"), now = token();
    if (field && now) field.value = now;
  }, true);
  all();
})();
