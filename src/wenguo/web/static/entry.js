// The agent's entry: Enter goes on to the next field, and what the story tells fills the fields nobody has filled.
(() => {
  const form = document.getElementById("entry-form");
  if (!form) return;
  const { say } = window.wenguo;
  const mine = new Set(); // fields a person has written: never touched again
  const frame = (name) => form.querySelector(`[data-field="${CSS.escape(name)}"]`);
  const controls = (name) => [...form.querySelectorAll(`[name="${CSS.escape(name)}"]`)];

  // ── Enter: phone → name (or the story, when we know them) → story ──
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return;
    if (!event.target.matches("input:not([type=checkbox], [type=radio], [type=file]), select")) return;
    event.preventDefault(); // a complaint is never registered by accident
    const known = form.querySelector('#entry-who [name="customer"][type="hidden"]');
    const next = { phone: known ? "entry-text" : "entry-name", name: "entry-text" }[event.target.name];
    if (next) { document.getElementById(next).focus(); return; }
    const all = [...form.elements].filter((e) => e.matches("input:not([type=hidden]), select, textarea, button") && !e.disabled && e.offsetParent !== null);
    all[all.indexOf(event.target) + 1]?.focus();
  });

  // ── what was heard ──
  form.addEventListener("input", (event) => { if (event.isTrusted && event.target.name) own(event.target.name); });
  form.addEventListener("change", (event) => { if (event.isTrusted && event.target.name) own(event.target.name); });
  form.addEventListener("reset", () => { mine.clear(); form.querySelectorAll(".heard").forEach((note) => note.remove()); });
  function own(name) {
    mine.add(name);
    frame(name)?.querySelector(".heard")?.remove();
  }
  const held = (name) => controls(name).filter((c) => !["checkbox", "radio"].includes(c.type) || c.checked).map((c) => c.value.trim()).filter(Boolean).join(",");
  function write(name, value) {
    const among = value ? value.split(",") : [];
    for (const control of controls(name)) {
      if (["checkbox", "radio"].includes(control.type)) control.checked = among.includes(control.value);
      else control.value = value;
    }
  }
  function note(name, because) {
    const box = frame(name);
    if (!box) return;
    let line = box.querySelector(".heard");
    if (!line) {
      line = document.createElement("p");
      line.className = "heard";
      const words = document.createElement("span");
      const drop = document.createElement("button");
      Object.assign(drop, { type: "button", className: "linklike", textContent: say("discard") });
      drop.addEventListener("click", () => { write(name, ""); own(name); controls(name)[0]?.focus(); });
      line.append(words, drop);
      box.append(line);
    }
    line.firstChild.textContent = say("heard", { words: because.length > 24 ? `${because.slice(0, 24)}…` : because });
  }
  function take() {
    const block = document.getElementById("entry-told");
    if (!block) return;
    const told = JSON.parse(block.textContent);
    const names = new Set(told.map((t) => t.field));
    for (const { field, value, because } of told) {
      const ours = frame(field)?.querySelector(".heard");
      const now = held(field); // a draft brings back what was heard before, without its mark
      if (mine.has(field) || (now && now !== value && !ours) || !controls(field).length) continue;
      write(field, value);
      note(field, because);
      controls(field)[0].closest("details")?.setAttribute("open", "");
    }
    for (const line of form.querySelectorAll(".heard")) { // no longer said: no longer filled
      const name = line.closest("[data-field]").dataset.field;
      if (!names.has(name)) { write(name, ""); line.remove(); }
    }
  }
  document.addEventListener("htmx:afterSettle", (event) => { if (event.target.id === "entry-hints" || document.getElementById("entry-told")) take(); });
  window.addEventListener("pageshow", () => window.htmx?.trigger("#entry-text", "input"));
})();
