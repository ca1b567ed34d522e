/** Curves of the last ten minutes. */
import { say, label } from "../words/words.js";
import { bytes, milliseconds } from "./units.js";

const SVG = "http://www.w3.org/2000/svg";
const MINUTES_S = 600;
const WIDTH = 600;
const HEIGHT = 60;
const CHARTS = [
  { name: "status.partial", values: ["partial", "p95_ms", "p50_ms"], unit: milliseconds },
  { name: "status.final", values: ["final", "p95_ms", "p50_ms"], unit: milliseconds },
  { name: "status.sessions", values: [null, "live_sessions"], unit: String },
  { name: "status.uploads", values: [null, "uploads"], unit: String },
  { name: "status.waiting_calls", values: [null, "queued"], unit: String },
  { name: "status.memory", values: [null, "memory_bytes"], unit: bytes },
];

/** Show the points of a status. `nowS` is its time. */
export function showCharts(place, points, nowS) {
  if (!place.children.length) place.append(...CHARTS.map(newChart));
  for (const [n, chart] of CHARTS.entries()) {
    const [kind, ...names] = chart.values;
    const curves = names.map((name) => curveOf(points, kind, name));
    const highest = Math.max(1, ...curves.flat().map((point) => point.value ?? 0));
    const figure = place.children[n];
    for (const [m, path] of figure.querySelectorAll("path").entries()) {
      path.setAttribute("d", pathOf(curves[m], highest, nowS));
    }
    const newest = curves.map((curve) => curve.at(-1)?.value ?? null);
    const value = figure.querySelector(".value");
    if (newest[0] === null) say(value, "status.no_results");
    else {
      say(value, null);
      value.textContent = newest.map(chart.unit).join(" · ");
    }
  }
}

function newChart(chart) {
  const figure = document.createElement("figure");
  figure.className = "chart";
  const caption = document.createElement("figcaption");
  caption.append(document.createElement("span"), document.createElement("span"));
  say(caption.firstElementChild, chart.name);
  caption.lastElementChild.className = "value";
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  label(svg, chart.name);
  for (const name of ["first", "second"].slice(0, chart.values.length - 1)) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    svg.append(path);
  }
  figure.append(caption, svg);
  return figure;
}

/** [{atS, value}], the value null where there was none. */
function curveOf(points, kind, name) {
  return points.map((point) => ({ atS: point.at_s, value: (kind ? point.latencies[kind]?.[name] : point[name]) ?? null }));
}

/** A line through the values, with gaps where there are none. A value without neighbours is a short line. */
function pathOf(curve, highest, nowS) {
  let isOpen = false;
  let path = "";
  for (const { atS, value } of curve) {
    if (value === null) {
      isOpen = false;
      continue;
    }
    const x = (WIDTH * (1 - (nowS - atS) / MINUTES_S)).toFixed(1);
    const y = (HEIGHT * (1 - value / highest)).toFixed(1);
    path += isOpen ? `L${x} ${y}` : `M${x} ${y}h3`;
    isOpen = true;
  }
  return path;
}
