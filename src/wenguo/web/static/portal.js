// The portal works without this: large type, long forms in steps, drafts on the device, chosen files named, one submission.
(() => {
  document.querySelectorAll("[data-type-toggle], [data-print]").forEach((button) => { button.hidden = false; });
  document.addEventListener("click", (event) => { if (event.target.closest?.("[data-print]")) print(); });

  // Sent from where one is: when the network is lost, every word and file stays on the page, and a second try is the same
  // complaint (the form carries a key). An answer that is a page takes this page's place, as after a plain post.
  const words = document.body.dataset;
  let pressed = null; // browsers without event.submitter
  document.addEventListener("click", (event) => { pressed = event.target.closest?.("button") || pressed; });
  // What is missing is said beside its field: many a browser built into another app shows no bubble of its own.
  let pointed = false;
  document.addEventListener("invalid", (event) => {
    const control = event.target;
    event.preventDefault();
    const frame = control.closest(".field, fieldset") || control.parentElement;
    if (!frame.querySelector(".wrong")) {
      const line = document.createElement("p");
      line.className = "wrong"; line.dataset.byScript = ""; line.setAttribute("role", "alert");
      line.textContent = !control.validity.valueMissing ? control.validationMessage : control.matches("select, [type=radio], [type=checkbox]") ? words.choose : words.fill;
      frame.append(line);
    }
    if (pointed) return; // the first of them is where one is taken
    pointed = true;
    setTimeout(() => { pointed = false; control.focus({ preventScroll: true }); frame.scrollIntoView({ block: "center" }); });
  }, true);
  document.addEventListener("input", (event) => event.target.closest?.(".field, fieldset")?.querySelector(".wrong[data-by-script]")?.remove());
  const settle = (form) => {
    delete form.dataset.sent;
    form.querySelectorAll(".busy").forEach((button) => button.classList.remove("busy"));
    form.querySelector(".p-sending")?.remove();
  };
  const complain = (form, why) => {
    settle(form);
    form.querySelector(".p-unsent")?.remove();
    const note = document.createElement("div");
    note.className = "p-note p-note-due p-unsent"; note.setAttribute("role", "alert"); note.textContent = why;
    (form.querySelector("[data-step]:not([hidden])") || form).append(note);
    note.scrollIntoView({ block: "center" });
  };
  const progress = (form) => {
    const box = document.createElement("div"), bar = document.createElement("progress"), line = document.createElement("span");
    box.className = "p-sending small"; box.setAttribute("role", "status"); bar.max = 100; bar.setAttribute("aria-label", words.sending); line.textContent = words.sending;
    box.append(line, bar);
    (form.querySelector("[data-step]:not([hidden])") || form).append(box);
    return (share) => { bar.value = share; line.textContent = `${words.sending} ${share}%`; };
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    const by = event.submitter || (pressed?.form === form ? pressed : null);
    by?.classList.add("busy");
    if (form.method !== "post" || "noGuard" in form.dataset) return;
    event.preventDefault();
    form.querySelector(".p-unsent")?.remove();
    const data = new FormData(form);
    if (by?.name) data.append(by.name, by.value);
    const ask = new XMLHttpRequest();
    ask.open("POST", form.action);
    if ([...form.querySelectorAll("input[type=file]")].some((input) => input.files.length)) {
      const tell = progress(form);
      ask.upload.onprogress = (at) => { if (at.lengthComputable) tell(Math.floor((at.loaded / at.total) * 100)); };
    }
    ask.onerror = ask.onabort = () => complain(form, words.unsent);
    ask.onload = () => {
      if (ask.status < 400 && ask.responseURL !== form.action) { location.assign(ask.responseURL); return; }
      if (ask.status >= 500 || !ask.responseText.includes('id="main"')) { complain(form, words.failed); return; }
      document.open(); document.write(ask.responseText); document.close(); scrollTo(0, 0);
    };
    ask.send(data);
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(settle));

  window.addEventListener("beforeprint", () => document.querySelectorAll("details.p-earlier").forEach((d) => { d.open = true; }));

  // Chosen files: their names, and at once what is too large or too many.
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (input.type !== "file") return;
    let list = input.parentElement.querySelector(".p-files.chosen");
    if (!list) { list = document.createElement("ul"); list.className = "p-files chosen"; list.setAttribute("aria-live", "polite"); input.after(list); }
    const { mostFiles, mostMib, tooLarge, tooMany } = input.dataset;
    list.replaceChildren(...[...input.files].map((file, i) => {
      const line = document.createElement("li");
      const wrong = mostMib && file.size > mostMib * 1048576 ? tooLarge : mostFiles && i >= mostFiles ? tooMany : "";
      line.textContent = `${file.name} · ${file.size < 1048576 ? `${Math.ceil(file.size / 1024)} KB` : `${(file.size / 1048576).toFixed(1)} MB`}${wrong ? " · " + wrong : ""}`;
      if (wrong) line.className = "too-much";
      return line;
    }));
  });

  // A long form in steps: one part at a time, the first with a mistake first.
  for (const form of document.querySelectorAll("form[data-steps]")) {
    const parts = [...form.querySelectorAll("[data-step]")];
    const bar = document.querySelector("[data-steps-bar]");
    const fits = (part) => [...part.querySelectorAll("input, textarea, select")].every((c) => c.reportValidity());
    let here = Math.max(0, parts.findIndex((part) => part.querySelector(".has-wrong, .wrong")));
    const go = (to, focus) => {
      here = to;
      parts.forEach((part, i) => { part.hidden = i !== to; });
      if (bar) [...bar.children].forEach((li, i) => {
        li.className = i < to ? "done" : i === to ? "now" : "";
        if (i === to) li.setAttribute("aria-current", "step"); else li.removeAttribute("aria-current");
      });
      if (focus) { parts[to].setAttribute("tabindex", "-1"); parts[to].focus({ preventScroll: true }); scrollTo(0, 0); }
    };
    const button = (words, kind) => {
      const made = document.createElement("button");
      made.type = "button"; made.className = `btn ${kind}`; made.textContent = words;
      return made;
    };
    const next = () => { if (fits(parts[here])) go(here + 1, true); };
    parts.forEach((part, i) => {
      let row = part.querySelector(":scope > .buttons");
      if (!row) { row = document.createElement("div"); row.className = "buttons"; part.append(row); }
      if (i > 0) { const back = button(form.dataset.back, ""); back.addEventListener("click", () => go(i - 1, true)); row.append(back); }
      if (i < parts.length - 1) { const on = button(form.dataset.next, "btn-primary"); on.dataset.nextStep = ""; on.addEventListener("click", next); row.prepend(on); }
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.tagName === "INPUT" && here < parts.length - 1) { event.preventDefault(); next(); }
    });
    form.addEventListener("invalid", (event) => {
      const at = parts.findIndex((part) => part.contains(event.target));
      if (at >= 0 && at !== here) go(at, false);
    }, true);
    if (bar) bar.hidden = false;
    for (const link of document.querySelectorAll(".p-note a[href^='#f-']")) link.addEventListener("click", (event) => {
      const field = form.querySelector(`[id="${link.hash.slice(1)}"]`);
      const at = parts.findIndex((part) => part.contains(field));
      if (at < 0) return;
      event.preventDefault(); go(at, false); field.focus();
    });
    go(here, false);
  }

  // A form shown again: to the field that is not yet right, however far down it stands.
  const astray = document.querySelector(".has-wrong, .field .wrong");
  if (astray?.offsetParent) setTimeout(() => astray.scrollIntoView({ block: "center" }));

  // Drafts: on this device only, for seven days or until they are sent.
  const KEEP_MS = 7 * 24 * 3600 * 1000, PREFIX = "wenguo.portal.";
  let store;
  try { store = localStorage; store.setItem("wenguo.try", "1"); store.removeItem("wenguo.try"); } catch { return; }
  const read = (key) => { try { const kept = JSON.parse(store.getItem(key)); return kept && Date.now() - kept.at < KEEP_MS ? kept : null; } catch { return null; } };
  for (const key of Object.keys(store)) if (key.startsWith(PREFIX) && !read(key)) store.removeItem(key);
  document.querySelectorAll("[data-draft-done]").forEach((e) => store.removeItem(PREFIX + e.dataset.draftDone));
  const skipped = ["hidden", "file", "submit", "button", "password"];
  const named = (form) => [...form.elements].filter((c) => c.name && c.name !== "kept" && !skipped.includes(c.type) && !c.closest(".p-trap"));
  const twoState = (c) => c.type === "checkbox" || c.type === "radio";
  for (const form of document.querySelectorAll("form[data-draft]")) {
    const key = PREFIX + form.dataset.draft;
    const values = read(key)?.values ?? {};
    for (const control of named(form)) {
      const value = values[twoState(control) ? `${control.name}=${control.value}` : control.name];
      if (value === undefined) continue;
      if (twoState(control)) { if (!control.defaultChecked) control.checked = value; } else if (!control.defaultValue && control.value !== value) control.value = value;
    }
    const note = form.querySelector("[data-draft-note]");
    if (note) note.hidden = false;
    form.addEventListener("input", () => {
      const typed = Object.fromEntries(named(form).map((c) => (twoState(c) ? [`${c.name}=${c.value}`, c.checked] : [c.name, c.value])));
      try { store.setItem(key, JSON.stringify({ at: Date.now(), values: typed })); } catch { /* full */ }
    });
    form.querySelector("[data-draft-clear]")?.addEventListener("click", () => {
      store.removeItem(key);
      for (const c of named(form)) { if (twoState(c)) c.checked = false; else c.value = ""; }
      form.querySelector("textarea, input:not([type=hidden])")?.focus();
    });
  }
})();
