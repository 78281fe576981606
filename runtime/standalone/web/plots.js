// Densities and pairs as SVG. Colours are the style sheet's, so both schemes work without drawing anew.
"use strict";

const svgNamespace = "http://www.w3.org/2000/svg";

function svg(name, attributes, children = []) {
  const node = document.createElementNS(svgNamespace, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// A number as the command line prints it.
function formatNumber(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e6)) return String(Number(value.toPrecision(3)));
  return value.toFixed(magnitude >= 1000 ? 0 : magnitude >= 100 ? 1 : magnitude >= 10 ? 2 : 3);
}

function quantile(sorted, probability) {
  const place = probability * (sorted.length - 1), below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

// A density on a grid over all but the outermost draws: counts smoothed by a normal kernel (Silverman's width).
function density(values) {
  const finite = Float64Array.from(values).filter(Number.isFinite).sort();
  if (finite.length < 2 || finite[0] === finite[finite.length - 1]) return null;
  const spread = quantile(finite, 0.75) - quantile(finite, 0.25);
  const low = quantile(finite, 0.002) - 0.1 * spread, high = quantile(finite, 0.998) + 0.1 * spread;
  const cells = 160, step = (high - low) / cells;
  if (!(step > 0)) return null;
  const counts = new Float64Array(cells);
  for (const value of finite) {
    const cell = Math.floor((value - low) / step);
    if (cell >= 0 && cell < cells) counts[cell] += 1;
  }
  const width = Math.max(1, 0.9 * (spread / 1.34) * Math.pow(finite.length, -0.2) / step);
  const reach = Math.ceil(4 * width), weights = [];
  for (let k = -reach; k <= reach; ++k) weights.push(Math.exp(-0.5 * (k / width) ** 2));
  const total = weights.reduce((sum, weight) => sum + weight, 0) * finite.length * step;
  const points = [];
  for (let i = 0; i < cells; ++i) {
    let height = 0;
    for (let k = -reach; k <= reach; ++k) height += (counts[i + k] ?? 0) * weights[k + reach];
    points.push([low + (i + 0.5) * step, height / total]);
  }
  return {points, low, high, q5: quantile(finite, 0.05), median: quantile(finite, 0.5), q95: quantile(finite, 0.95)};
}

// Three or four round numbers between two.
function ticks(low, high) {
  const rough = (high - low) / 3, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const result = [];
  for (let t = Math.ceil(low / step) * step; t <= high + 1e-9 * step; t += step) result.push(Number(t.toPrecision(12)));
  return result;
}

// One parameter: `curves` are the densities of all data sets, of which number `shown` stands in front.
function densityPlot(name, curves, shown) {
  const main = curves[shown];
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = name;
  figure.append(caption);
  if (!main) {
    figure.append("all draws are equal");
    return figure;
  }
  const present = curves.filter((curve) => curve);
  const low = Math.min(...present.map((c) => c.low)), high = Math.max(...present.map((c) => c.high));
  const heightOf = (curve) => Math.max(...curve.points.map((p) => p[1]));
  // A data set that is known far better would press this one flat: its line leaves the picture instead.
  const top = Math.min(Math.max(...present.map(heightOf)), 2 * heightOf(main));
  const width = 320, height = 150, base = 128;
  const x = (v) => 8 + (v - low) / (high - low) * (width - 16), y = (d) => base - Math.min(d / top, 1.2) * (base - 8);
  const path = (points) => points.map(([v, d], i) => `${i ? "L" : "M"}${x(v).toFixed(1)} ${y(d).toFixed(1)}`).join("");
  const parts = [];
  for (const curve of present)
    if (curve !== main)
      parts.push(svg("path", {d: path(curve.points), fill: "none", stroke: "var(--others)", "stroke-opacity": 0.55}));
  const central = main.points.filter(([v]) => v >= main.q5 && v <= main.q95);
  if (central.length > 1)
    parts.push(svg("path", {
      d: `${path(central)}L${x(central.at(-1)[0]).toFixed(1)} ${base}L${x(central[0][0]).toFixed(1)} ${base}Z`,
      fill: "var(--shade)",
    }));
  parts.push(svg("path", {d: path(main.points), fill: "none", stroke: "var(--accent)", "stroke-width": 2}));
  parts.push(svg("line", {x1: x(main.median), x2: x(main.median), y1: base, y2: 16, stroke: "var(--accent)",
                          "stroke-dasharray": "4 3"}));
  parts.push(svg("line", {x1: 8, x2: width - 8, y1: base, y2: base, stroke: "var(--quiet)"}));
  for (const t of ticks(low, high)) {
    parts.push(svg("line", {x1: x(t), x2: x(t), y1: base, y2: base + 4, stroke: "var(--quiet)"}));
    parts.push(svg("text", {x: x(t), y: base + 16, "text-anchor": "middle"}, [String(t)]));
  }
  const sentence = `Density of ${name}: median ${formatNumber(main.median)}, 90% of the draws between ` +
    `${formatNumber(main.q5)} and ${formatNumber(main.q95)}.`;
  figure.append(svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": sentence}, parts));
  return figure;
}

function correlation(a, b) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const ma = mean(a), mb = mean(b);
  let aa = 0, bb = 0, ab = 0;
  for (let i = 0; i < a.length; ++i) {
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
    ab += (a[i] - ma) * (b[i] - mb);
  }
  return ab / Math.sqrt(aa * bb);
}

// Every pair of the first few parameters: points below the diagonal, correlations above it.
function pairsPlot(names, columns) {
  const most = 6, points = 700, n = Math.min(most, names.length);
  if (n < 2) return document.createTextNode("The model has one parameter: there are no pairs.");
  const cell = n <= 3 ? 190 : n <= 5 ? 150 : 130, gap = 8, side = n * cell + (n + 1) * gap;
  const ranges = columns.slice(0, n).map((values) => {
    const sorted = Float64Array.from(values).sort();
    const low = quantile(sorted, 0.002), high = quantile(sorted, 0.998);
    return high > low ? [low, high] : [low - 1, high + 1];
  });
  const stride = Math.max(1, Math.floor(columns[0].length / points));
  const parts = [], sentences = [];
  for (let row = 0; row < n; ++row)
    for (let column = 0; column < n; ++column) {
      const left = gap + column * (cell + gap), top = gap + row * (cell + gap);
      const middle = {x: left + cell / 2, y: top + cell / 2, "text-anchor": "middle", "dominant-baseline": "middle"};
      if (row === column) {
        const style = "fill: var(--ink); font-size: 14px; font-weight: 600";
        parts.push(svg("text", {...middle, style}, [names[row]]));
        continue;
      }
      if (column > row) {
        const r = correlation(columns[row], columns[column]);
        sentences.push(`${names[row]} and ${names[column]} ${r.toFixed(2)}`);
        const size = 12 + 8 * Math.abs(r);
        const style = `font-size: ${size.toFixed(1)}px; fill: var(--ink)`;
        parts.push(svg("text", {...middle, style}, [r.toFixed(2)]));
        continue;
      }
      parts.push(svg("rect", {x: left, y: top, width: cell, height: cell, fill: "none", stroke: "var(--line)"}));
      const [xLow, xHigh] = ranges[column], [yLow, yHigh] = ranges[row];
      let path = "";
      for (let i = 0; i < columns[0].length; i += stride) {
        const u = (columns[column][i] - xLow) / (xHigh - xLow), v = (columns[row][i] - yLow) / (yHigh - yLow);
        if (u < 0 || u > 1 || v < 0 || v > 1) continue;
        path += `M${(left + u * cell).toFixed(1)} ${(top + (1 - v) * cell).toFixed(1)}h0`;
      }
      parts.push(svg("path", {d: path, stroke: "var(--points)", "stroke-width": 2.6, "stroke-linecap": "round",
                              style: "stroke-opacity: var(--point-opacity)", fill: "none"}));
    }
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = "Draws below the diagonal, correlations above it" +
    (names.length > most ? `; the first ${most} of ${names.length} parameters` : "");
  const label = `Scatter plots of pairs of parameters. Correlations: ${sentences.join(", ")}.`;
  figure.append(caption, svg("svg", {viewBox: `0 0 ${side} ${side}`, role: "img", "aria-label": label,
                                     style: `width: ${side}px; max-width: 100%`}, parts));
  return figure;
}
