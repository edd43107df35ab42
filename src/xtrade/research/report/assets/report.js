// One run: what is chosen above decides what every chart below shows.
"use strict";

const deck = JSON.parse(document.getElementById("deck").textContent);
const at = (id) => document.getElementById(id);
const moments = (offsets) => offsets.map((offset) => deck.start + offset);

function chosen() {
  return { strategy: at("strategy").value, instrument: at("instrument").value };
}

function draw() {
  const { strategy, instrument } = chosen();
  const view = deck.views[`${strategy}|${instrument}`];
  timeCharts.clear();
  drawMoney(view.money);
  drawSplit(view.split);
  drawInventory(view.inventory);
  drawPrice(strategy, instrument);
  drawMarkOuts(view.markouts);
  drawOrders(view.orders);
  drawLatency(view.latency);
  drawLists(strategy, instrument);
  timeCharts.moved();
}

function say(id, chart) {
  at(`${id}-summary`).textContent = chart.summary || "";
  at(`${id}-note`).textContent = chart.note || "";
}

function drawMoney(money) {
  say("money", money);
  const x = money.empty ? [] : moments(money.x);
  timeCharts.draw(at("money-chart"), { empty: money.empty, x, unit: money.unit, lines: [
    { name: money.name, y: money.value, width: 2, fill: money.name === "Equity" ? undefined : "--shade" }], toZero: money.name !== "Equity" });
  at("drawdown").hidden = Boolean(money.empty);
  if (money.empty) return;
  timeCharts.draw(at("drawdown-chart"), { x, unit: money.drawdownUnit, percent: money.drawdownUnit === "%", low: true, toZero: true,
    lines: [{ name: "Below the best so far", y: money.drawdown, colour: "--two", fill: "--loss-shade" }] });
}

function drawSplit(split) {
  say("split", split);
  const names = ["Spread", "Inventory", "Fees", "Funding", "All together"];
  timeCharts.draw(at("split-chart"), { empty: split.empty, x: split.empty ? [] : moments(split.x), unit: deck.currency, toZero: true,
    lines: (split.lines || []).map((y, i) => (i < 4
      ? { name: names[i], y, dash: DASHES[i], colour: ["--five", "--four", "--two", "--three"][i] }
      : { name: names[i], y, dash: SOLID, colour: "--ink", width: 2.5 })) });
}

function drawInventory(inventory) {
  say("inventory", inventory);
  const hosts = (inventory.charts || [{}]).map((chart) => {
    const host = element("div", { class: "chart", role: "group", "aria-label": `${chart.name || "What was held"}, over time` });
    return [chart, host, element("div", {}, ...(chart.name ? [element("h3", {}, chart.name)] : []), host)];
  });
  at("inventory-charts").replaceChildren(...hosts.map(([, , box]) => box));
  for (const [chart, host] of hosts) {
    timeCharts.draw(host, inventory.empty ? inventory : { x: moments(chart.x), unit: chart.unit, toZero: true, low: true,
      lines: chart.lines.map((line) => ({ ...line, steps: chart.lines.length === 1, fill: chart.lines.length === 1 ? "--shade" : undefined })) });
  }
}

function drawPrice(strategy, instrument) {
  const market = deck.markets[instrument === "*" ? deck.busiest : Number(instrument)];
  const fills = { x: [], price: [], side: [], maker: [], quantity: [], strategy: [], strategies: deck.strategies,
    unit: market.unit ? THIN + market.unit : "", readout: at("price-readout") };
  market.fills.x.forEach((offset, i) => {
    if (strategy !== "*" && market.fills.strategy[i] !== Number(strategy)) return;
    fills.x.push(deck.start + offset);
    for (const name of ["price", "side", "maker", "quantity", "strategy"]) fills[name].push(market.fills[name][i]);
  });
  fills.atRest = fills.x.length ? "Point at a fill to read it." : "No fills of what is chosen above in this market.";
  at("price-key").hidden = Boolean(market.empty);
  at("price-readout").textContent = market.empty ? "" : fills.atRest;
  say("price", market);
  timeCharts.draw(at("price-chart"), { empty: market.empty, x: market.empty ? [] : moments(market.x), unit: market.priceUnit,
    lines: [{ name: "Mid", y: market.mid, colour: "--soft", width: 1.2 }], fills });
}

function drawMarkOuts(markouts) {
  say("markouts", markouts);
  at("markouts-empty").replaceChildren(...(markouts.empty ? [emptySentence(markouts.empty)] : []));
  at("markouts-charts").hidden = at("markouts-table").hidden = Boolean(markouts.empty);
  if (markouts.empty) return;
  markouts.horizons.forEach((horizon, i) => drawBars(at(`markouts-${i}`), { ...horizon, unit: "basis points, plus is good for us",
    what: "fills", leans: true, markName: horizon.empty ? "" : `mean ${signed(horizon.mark, 3)}` }));
  const most = Math.max(...markouts.rows.flatMap((row) => row.mean.map((mean) => Math.abs(mean ?? 0))), 1e-9);
  at("markouts-rows").replaceChildren(...markouts.rows.map((row) => element("tr", {},
    element("th", { scope: "row" }, row.who), element("td", {}, withDecimals(row.count, 0)),
    ...row.mean.map((mean, i) => element("td", {}, ...leaning(mean, row.error[i], most))))));
}

// A mean with how far chance alone may have moved it, and a small bar to compare by eye.
function leaning(mean, error, most) {
  if (mean === null) return ["–"];
  const share = (Math.abs(mean) / most) * 50;
  const bar = element("i");
  bar.style.cssText = `width:${share}%;left:${mean < 0 ? 50 - share : 50}%;background:var(${mean < 0 ? "--loss" : "--gain"})`;
  const text = element("span", { class: mean < 0 ? "loss" : "gain" }, signed(mean, 3));
  const doubt = element("span", { class: "soft" }, error === null ? "" : ` ± ${amount(error, 2)}`);
  return [text, doubt, element("span", { class: "lean", "aria-hidden": "true" }, bar)];
}

const FATES = ["filled", "partly", "canceled", "expired", "refused", "open"];

function drawOrders(orders) {
  say("orders", orders);
  at("orders-empty").replaceChildren(...(orders.empty ? [emptySentence(orders.empty)] : []));
  at("orders-table").hidden = Boolean(orders.empty);
  if (orders.empty) return;
  at("orders-rows").replaceChildren(...orders.rows.map((row) => {
    const bar = element("div", { class: "shares", "aria-hidden": "true" });
    for (const [i, fate] of FATES.entries()) {
      if (!row.fates[i]) continue;
      const part = element("i", { class: `fate-${fate}` });
      part.style.width = `${(row.fates[i] / row.placed) * 100}%`;
      bar.append(part);
    }
    return element("tr", {}, element("th", { scope: "row" }, row.kind), element("td", {}, bar),
      ...[row.placed, ...row.fates].map((count) => element("td", {}, withDecimals(count, 0))),
      element("td", {}, percentText(row.ratio * 100)), element("td", {}, percentText(row.volume * 100)));
  }));
}

function drawLatency(latency) {
  say("latency", latency);
  drawBars(at("latency-chart"), { ...latency, what: "orders", markName: "half are faster" });
}

function drawLists(strategy, instrument) {
  for (const id of ["fills", "trips"]) {
    const list = deck.lists[id];
    const [who, what] = [list.columns.findIndex((c) => c.name === "Strategy"), list.columns.findIndex((c) => c.name === "Instrument")];
    const rows = list.rows.filter((row) => (strategy === "*" || row[who] === deck.strategies[strategy])
      && (instrument === "*" || row[what] === deck.markets[instrument].key));
    drawTable(at(`${id}-table`), { ...list, title: at(`${id}-title`).textContent }, rows);
  }
}

timeCharts.whole = [deck.start, deck.start + deck.length];
timeCharts.shown = [...timeCharts.whole];
at("strategy").onchange = at("instrument").onchange = draw;
startPage(draw);
