// Tells what nbflow draws which theme the page has, in the words of JupyterLab's pages.
document.addEventListener("DOMContentLoaded", () => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const tell = () => {
    const chosen = document.body.dataset.theme;
    const dark = chosen === "dark" || (chosen !== "light" && system.matches);
    document.body.dataset.jpThemeLight = String(!dark);
    document.body.dataset.jpThemeName = dark ? "dark" : "light";
  };
  new MutationObserver(tell).observe(document.body, { attributeFilter: ["data-theme"] });
  system.addEventListener("change", tell);
  tell();
});
