/** The figures at the top of the page. */
import { say } from "../words/words.js";
import { bytes, duration } from "./units.js";

/** Show the figures of a status. */
export function showFigures(place, told) {
  const figures = figuresOf(told);
  while (place.children.length < figures.length) place.append(newFigure());
  for (const [n, [name, text]] of figures.entries()) {
    say(place.children[n].firstElementChild, name);
    const value = place.children[n].lastElementChild;
    if (value.textContent !== text) value.textContent = text; // so that it can be selected
  }
}

function newFigure() {
  const figure = document.createElement("div");
  figure.append(document.createElement("dt"), document.createElement("dd"));
  return figure;
}

function figuresOf({ version, workers, sessions, uploads, jobs, queues }) {
  const sum = (name) => workers.reduce((total, worker) => total + worker[name], 0);
  const memory = sum("memory_bytes") + sum("decode_memory_bytes");
  const limit = workers.every((worker) => worker.memory_limit_bytes) ? sum("memory_limit_bytes") : null;
  return [
    ["status.sessions_figure", `${sessions.count} / ${sum("live_limit")}`],
    ["status.uploads", String(uploads.count)],
    ["status.jobs_figure", jobs ? `${jobs.counts.running} + ${jobs.counts.queued}` : "0"],
    ["status.waiting_calls", String(queues.reduce((total, queue) => total + queue.waiting, 0))],
    ["status.level", String(Math.max(...workers.map((worker) => worker.degradation_level)))],
    ["status.memory", limit ? `${bytes(memory)} / ${bytes(limit)}` : bytes(memory)],
    ["status.uptime", duration(Math.max(...workers.map((worker) => worker.uptime_s)))],
    ["status.version", version],
  ];
}
