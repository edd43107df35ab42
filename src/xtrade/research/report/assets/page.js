// What every page has: two themes, the buttons for time, paper, and windows that change their width.
"use strict";

function theme() {
  return document.documentElement.dataset.theme;
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  const button = document.getElementById("theme");
  button.textContent = name === "dark" ? "Light" : "Dark";
  button.setAttribute("aria-label", `Switch to the ${name === "dark" ? "light" : "dark"} theme`);
}

function startPage(draw) {
  const redraw = () => draw();
  setTheme(theme());
  document.getElementById("theme").onclick = () => {
    setTheme(theme() === "dark" ? "light" : "dark");
    // A browser may keep nothing for a file that was opened from a disk: then the choice lasts as long as the page.
    try { localStorage.setItem("xtrade-theme", theme()); } catch { /* see above */ }
    redraw();
  };
  matchMedia("(prefers-color-scheme: dark)").onchange = (event) => { setTheme(event.matches ? "dark" : "light"); redraw(); };

  document.getElementById("zoom-in").onclick = () => timeCharts.zoom(1 / 2);
  document.getElementById("zoom-out").onclick = () => timeCharts.zoom(2);
  document.getElementById("earlier").onclick = () => timeCharts.shift(-0.5);
  document.getElementById("later").onclick = () => timeCharts.shift(0.5);
  document.getElementById("whole").onclick = () => timeCharts.all();
  timeCharts.moved = () => {
    const [from, to] = timeCharts.shown;
    const whole = from === timeCharts.whole[0] && to === timeCharts.whole[1];
    const words = day(from) === day(to) ? [clock(from, 1000), clock(to, 1000)] : [momentText(from), momentText(to)].map((text) => text.slice(5, 16));
    document.getElementById("stretch").textContent = whole ? "the whole run" : words.join(" – ");
  };

  let waiting = 0;
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(redraw);
  });
  // Paper is white: the charts are drawn anew in light colours for it.
  const before = { theme: theme() };
  addEventListener("beforeprint", () => { before.theme = theme(); if (before.theme === "dark") { setTheme("light"); redraw(); } });
  addEventListener("afterprint", () => { if (before.theme === "dark") { setTheme("dark"); redraw(); } });

  redraw();
  document.documentElement.dataset.drawn = "yes";
}
