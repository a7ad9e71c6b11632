// The portal works without this: large type, keeping what was typed on the device, no double submission, chosen files named.
(() => {
  document.querySelectorAll("[data-type-toggle]").forEach((button) => { button.hidden = false; });
  document.addEventListener("click", (event) => { if (event.target.closest?.("[data-print]")) print(); });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    event.submitter?.classList.add("busy");
    setTimeout(() => { delete form.dataset.sent; event.submitter?.classList.remove("busy"); }, 10000);
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    form.querySelectorAll(".busy").forEach((button) => button.classList.remove("busy"));
  }));

  document.addEventListener("change", (event) => {
    const input = event.target;
    if (input.type !== "file") return;
    let list = input.parentElement.querySelector(".p-files");
    if (!list) { list = document.createElement("ul"); list.className = "p-files"; input.after(list); }
    list.replaceChildren(...[...input.files].map((file) => {
      const line = document.createElement("li");
      line.textContent = `${file.name} · ${(file.size / 1048576).toFixed(1)} MB`;
      return line;
    }));
  });

  let store;
  try { store = sessionStorage; store.setItem("wenguo.try", "1"); store.removeItem("wenguo.try"); } catch { return; }
  const named = (form) => [...form.elements].filter((c) => c.name && !["hidden", "file", "submit", "button", "password"].includes(c.type));
  const twoState = (c) => c.type === "checkbox" || c.type === "radio";
  for (const form of document.querySelectorAll("form[data-draft]")) {
    const key = `wenguo.portal.${form.dataset.draft}`;
    let kept = {};
    try { kept = JSON.parse(store.getItem(key)) || {}; } catch { /* unreadable: begin anew */ }
    for (const control of named(form)) {
      const value = kept[twoState(control) ? `${control.name}=${control.value}` : control.name];
      if (value === undefined) continue;
      if (twoState(control)) { if (!control.defaultChecked) control.checked = value; } else if (!control.defaultValue && control.value !== value) control.value = value;
    }
    form.addEventListener("input", () => {
      const values = Object.fromEntries(named(form).map((c) => (twoState(c) ? [`${c.name}=${c.value}`, c.checked] : [c.name, c.value])));
      try { store.setItem(key, JSON.stringify(values)); } catch { /* full */ }
    });
  }
  document.querySelectorAll("[data-draft-done]").forEach((e) => store.removeItem(`wenguo.portal.${e.dataset.draftDone}`));
})();
