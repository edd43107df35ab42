// Several runs: their curves over each other.
"use strict";

const deck = JSON.parse(document.getElementById("deck").textContent);

function draw() {
  timeCharts.clear();
  const x = deck.x.map((offset) => deck.start + offset);
  for (const [id, columns, low] of [["return-chart", deck.returns, false], ["drawdown-chart", deck.drawdowns, true]]) {
    timeCharts.draw(document.getElementById(id), { x, unit: "% of the capital", percent: true, low, toZero: true,
      lines: columns.map((y, i) => ({ name: deck.names[i], y, width: 2 })) });
  }
  timeCharts.moved();
}

timeCharts.whole = [deck.start, deck.start + deck.length];
timeCharts.shown = [...timeCharts.whole];
startPage(draw);
