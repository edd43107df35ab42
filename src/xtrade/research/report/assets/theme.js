// Before anything is painted: the theme asked for in the address (?theme=dark), chosen before, or of the system.
"use strict";
{
  const asked = new URLSearchParams(location.search).get("theme");
  let kept = null;
  try { kept = localStorage.getItem("xtrade-theme"); } catch { /* files may not have a memory */ }
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = [asked, kept, system].find((name) => name === "dark" || name === "light");
}
