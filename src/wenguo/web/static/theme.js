// Runs before the first paint: light or dark, standard or large type, as chosen on this device.
(() => {
  const root = document.documentElement;
  const kept = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => root.setAttribute("data-bs-theme", kept("wenguo.theme") || (dark.matches ? "dark" : "light"));
  paint();
  dark.addEventListener("change", paint);
  if (kept("wenguo.type") === "large") root.setAttribute("data-type", "large");
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-toggle], [data-type-toggle]");
    if (!button) return;
    const keep = (key, value) => { try { localStorage.setItem(key, value); } catch { /* private window */ } };
    if (button.hasAttribute("data-theme-toggle")) {
      keep("wenguo.theme", root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark");
      paint();
      document.dispatchEvent(new CustomEvent("wenguo:theme"));
    } else {
      const large = root.getAttribute("data-type") !== "large";
      keep("wenguo.type", large ? "large" : "normal");
      if (large) root.setAttribute("data-type", "large"); else root.removeAttribute("data-type");
    }
  });
})();
