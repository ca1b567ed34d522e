/** The tables of the page. */
import { say } from "../words/words.js";
import { Table } from "./table.js";
import { bytes, duration, milliseconds, progress, timeOfDay } from "./units.js";

const LATE_MS = 2000;

const $ = (id) => document.getElementById(id);

/** Make the tables. `listener`: {onTrace(requestId), onUnload(name)}. Returns what shows a status in them. */
export function openTables({ onTrace, onUnload }) {
  const tables = {
    sessions: new Table($("sessions"), sessionColumns(onTrace)),
    uploads: new Table($("uploads"), uploadColumns(onTrace)),
    jobs: new Table($("jobs"), JOB_COLUMNS),
    errors: new Table($("errors"), errorColumns(onTrace)),
    models: new Table($("models"), modelColumns(onUnload)),
    queues: new Table($("queues"), QUEUE_COLUMNS),
    batches: new Table($("batches"), BATCH_COLUMNS),
    workers: new Table($("workers"), WORKER_COLUMNS),
  };
  return (told) => {
    tables.sessions.show(told.sessions.data, (one) => `${one.pid} ${one.request_id}`);
    tables.uploads.show(told.uploads.data, (one) => `${one.pid} ${one.request_id}`);
    tables.jobs.show(told.jobs?.running ?? [], (one) => one.id);
    tables.errors.show(told.errors, (one) => `${one.at_s} ${one.request_id}`);
    const canUnload = told.models.length > 1;
    tables.models.show(told.models.map((one) => ({ ...one, canUnload })), (one) => one.name);
    tables.queues.show(told.queues, (one) => one.lane);
    tables.batches.show(told.batches, (one) => one.stage);
    tables.workers.show(told.workers, (one) => one.pid);
    showCounts(told);
  };
}

function showCounts({ sessions, uploads, jobs, silent_workers: silent }) {
  $("sessions-count").textContent = sessions.count || "";
  $("uploads-count").textContent = uploads.count || "";
  say($("jobs-counts"), jobs ? "status.jobs_counts" : null, jobs?.counts);
  $("silent").hidden = !silent.length;
  say($("silent"), silent.length ? "status.silent" : null, { pids: silent.join(", ") });
}

function traceColumn(onTrace, hasTrace = () => true) {
  return {
    name: "actions",
    button: {
      words: (one) => (hasTrace(one) ? ["status.trace"] : null),
      label: (one) => ["status.trace_of", { id: one.request_id }],
      click: (one) => onTrace(one.request_id),
    },
  };
}

function sessionColumns(onTrace) {
  return [
    { name: "request_id", text: (one) => one.request_id, kind: "id" },
    { name: "protocol", text: (one) => one.protocol },
    { name: "address", text: (one) => one.address },
    { name: "key", text: (one) => one.key },
    { name: "model", text: (one) => one.model },
    { name: "state", words: (one) => [`status.session.${one.state}`] },
    { name: "age", text: (one) => duration(one.age_s), kind: "figure" },
    { name: "audio", text: (one) => duration(one.audio_ms / 1000), kind: "figure" },
    {
      name: "delay",
      text: (one) => (one.delay_ms === null ? "" : milliseconds(one.delay_ms)),
      kind: "figure",
      isLate: (one) => one.delay_ms > LATE_MS,
    },
    { name: "quality", words: noteOf },
    traceColumn(onTrace),
  ];
}

function noteOf(one) {
  if (one.is_degraded) return ["status.note.degraded"];
  return one.lost_ms ? ["status.note.lost", { seconds: (one.lost_ms / 1000).toFixed(1) }] : null;
}

function uploadColumns(onTrace) {
  return [
    { name: "request_id", text: (one) => one.request_id, kind: "id" },
    { name: "path", text: (one) => one.path },
    { name: "address", text: (one) => one.address },
    { name: "key", text: (one) => one.key },
    { name: "state", words: (one) => [`status.upload.${one.state}`] },
    { name: "age", text: (one) => duration(one.age_s), kind: "figure" },
    { name: "received", text: (one) => bytes(one.received_bytes), kind: "figure" },
    { name: "progress", text: (one) => progress(one.recognized_ms, one.duration_ms), kind: "figure" },
    traceColumn(onTrace),
  ];
}

const JOB_COLUMNS = [
  { name: "id", text: (one) => one.id, kind: "id" },
  { name: "key", text: (one) => one.key },
  { name: "age", text: (one) => duration(one.age_s), kind: "figure" },
  { name: "attempts", text: (one) => String(one.attempts), kind: "figure" },
  { name: "progress", text: (one) => progress(one.done_ms, one.duration_ms), kind: "figure" },
  { name: "left", text: (one) => (one.eta_s === null ? "" : duration(one.eta_s)), kind: "figure" },
];

function errorColumns(onTrace) {
  return [
    { name: "time", text: (one) => timeOfDay(one.at_s) },
    { name: "code", text: (one) => (one.status ? `${one.code} (${one.status})` : one.code) },
    { name: "path", text: (one) => one.path },
    { name: "message", text: (one) => one.message },
    { name: "request_id", text: (one) => one.request_id, kind: "id" },
    traceColumn(onTrace, (one) => one.has_trace),
  ];
}

function modelColumns(onUnload) {
  return [
    { name: "name", text: (one) => one.name },
    { name: "state", words: (one) => [`status.model.${one.state}`, { reason: one.reason }] },
    { name: "users", text: (one) => String(one.users), kind: "figure" },
    { name: "memory", text: (one) => bytes(one.memory_bytes), kind: "figure" },
    { name: "loaded_in", text: (one) => String(one.loaded_in), kind: "figure" },
    {
      name: "actions",
      button: {
        words: (one) => (one.canUnload ? ["status.unload"] : null),
        label: (one) => ["status.unload_of", { name: one.name }],
        click: (one) => onUnload(one.name),
      },
    },
  ];
}

const QUEUE_COLUMNS = [
  { name: "lane", words: (one) => [`status.lane.${one.lane}`] },
  { name: "waiting", text: (one) => String(one.waiting), kind: "figure" },
  { name: "oldest", text: (one) => milliseconds(one.oldest_ms), kind: "figure" },
];

const BATCH_COLUMNS = [
  { name: "stage", text: (one) => one.stage },
  { name: "runs", text: (one) => String(one.runs), kind: "figure" },
  { name: "mean", text: (one) => one.mean.toFixed(1), kind: "figure" },
  { name: "largest", text: (one) => String(one.largest), kind: "figure" },
];

const WORKER_COLUMNS = [
  { name: "pid", text: (one) => String(one.pid) },
  { name: "state", words: (one) => [`status.worker.${one.state}`] },
  { name: "age", text: (one) => duration(one.uptime_s), kind: "figure" },
  { name: "live", text: (one) => `${one.live_sessions} / ${one.live_limit}`, kind: "figure" },
  { name: "uploads", text: (one) => String(one.uploads), kind: "figure" },
  { name: "jobs", text: (one) => String(one.jobs_in_progress), kind: "figure" },
  {
    name: "memory",
    text: (one) =>
      one.memory_limit_bytes
        ? `${bytes(one.memory_bytes + one.decode_memory_bytes)} / ${bytes(one.memory_limit_bytes)}`
        : bytes(one.memory_bytes + one.decode_memory_bytes),
    kind: "figure",
  },
];
