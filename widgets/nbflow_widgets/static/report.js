// Tells the timeline of a report which theme its page has, in the words that JupyterLab's pages use.
{
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const tell = () => {
    document.body.dataset.jpThemeLight = String(!dark.matches);
    document.body.dataset.jpThemeName = dark.matches ? "dark" : "light";
  };
  dark.addEventListener("change", tell);
  tell();
}
