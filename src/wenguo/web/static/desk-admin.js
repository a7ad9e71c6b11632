// Find in page: marks the rows and paragraphs of [data-page-text] that hold what was typed, and hides the others.
(() => {
  const box = document.querySelector("[data-page-find]");
  const text = document.querySelector("[data-page-text]");
  const found = document.querySelector("[data-page-found]");
  if (!box || !text) return;
  const lines = [...text.querySelectorAll("tbody tr, .words p")];
  const groups = [...text.querySelectorAll(".handbook-table"), ...text.querySelectorAll("section")];
  function find() {
    const words = box.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const line of lines) {
      const hit = words.every((w) => line.textContent.toLowerCase().includes(w));
      line.hidden = words.length > 0 && !hit;
      if (words.length && hit) n += 1;
    }
    for (const group of groups) group.hidden = words.length > 0 && !group.querySelector("tbody tr:not([hidden]), .words p:not([hidden])");
    found.textContent = !words.length ? "" : n ? text.dataset[n === 1 ? "one" : "some"].replace("{n}", n) : text.dataset.none;
  }
  let wait;
  box.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(find, 120); });
})();
