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
      field.value += (field.value && !field.value.endsWith("\n") ? "\n" : "") + into.dataset.words;
      field.dispatchEvent(new Event("input", { bubbles: true }));
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
    event.target.querySelector("select:not([size]), textarea, input:not([type=hidden], [type=radio])")?.focus({ preventScroll: true });
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
