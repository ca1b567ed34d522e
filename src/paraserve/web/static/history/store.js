/** The recordings that this browser keeps, with their sound, from one visit to the next. */
import { Recording } from "../client/recording.js";
import { answered, chunksOf, openDatabase, reading, written } from "./database.js";
import { isInterrupted } from "./kept.js";
import { Tabs } from "./tabs.js";
import { STORES, Writer } from "./writer.js";

const SOONEST_MS = 500;
const LATEST_MS = 10000;
const REST_FACTOR = 20; // between two writes of a recording, that of three hours takes a while
const UNDO_MS = 60000; // a deletion is final on the first visit after that
const INTERRUPTED = { state: "done", error: { code: "interrupted" } };

export class RecordingStore {
  /** Called with the id of each recording that was kept, changed or removed, and whether by another tab. */
  onChange = (_id, _isElsewhere) => {};
  /** Called with {code} and the recording if something of it cannot be kept. */
  onProblem = (_error, _recording) => {};
  #database = opened();
  #wants;
  #writer;
  #tabs;
  #pending = new Map(); // id to {recording, timer}
  #working = new Map(); // id to the recording that this tab works on
  #removed = new Set();
  #writing = Promise.resolve();
  #writeMs = 0;

  /** `wants()` tells what is to be kept: "all", "text" (no sound) or "nothing" new. */
  constructor(wants) {
    this.#wants = wants;
    const onProblem = (error, recording) => this.onProblem(error, recording);
    this.#writer = new Writer(this.#database, () => wants() === "all", onProblem);
    this.#tabs = new Tabs(() => [...this.#working.keys()], (change) => this.#changedElsewhere(change));
    addEventListener("pagehide", () => this.flush());
  }

  /** Whether this browser keeps anything; private windows of some do not. */
  async isThere() {
    return (await this.#database) !== null;
  }

  /** Keep a recording as it is in a moment; call it after each change. */
  keep(recording) {
    const { id, state } = recording;
    if (state === "done") this.#working.delete(id);
    else this.#working.set(id, recording);
    const isNew = !this.#writer.knows(id);
    if ((isNew && this.#wants() === "nothing") || this.#removed.has(id) || this.#pending.has(id)) return;
    if (isNew) this.#writer.know(id, null, 0);
    const waitMs = isNew ? 0 : Math.min(LATEST_MS, SOONEST_MS + this.#writeMs * REST_FACTOR);
    this.#pending.set(id, { recording, timer: setTimeout(() => this.#settle(id), waitMs) });
  }

  /** Keep all that waits now. */
  async flush() {
    for (const id of [...this.#pending.keys()]) this.#settle(id);
    await this.#writing;
  }

  /** Returns a function that keeps the samples (Int16Array, 16 kHz) of somebody who speaks. */
  soundKeeper(recording) {
    return this.#writer.soundKeeper(recording);
  }

  /** Summaries of all, newest first; see kept.js. Interrupted ones have the error `interrupted`. */
  async all() {
    const database = await this.#database;
    const found = database ? await answered(reading(database, "summaries").index("created").getAll()) : [];
    return (await this.#told(found.filter((one) => !one.deletedMs))).reverse();
  }

  /** The summary of one, undefined if there is none. */
  async summary(id) {
    const database = await this.#database;
    const found = database && (await answered(reading(database, "summaries").get(id)));
    return found && !found.deletedMs ? (await this.#told([found]))[0] : undefined;
  }

  /** A recording with its sound, null if there is none. */
  async get(id) {
    const summary = await this.summary(id);
    if (!summary) return null;
    const database = await this.#database;
    const details = await answered(reading(database, "details").get(id));
    const sound = (await answered(reading(database, "sounds").get(id))) ?? null;
    this.#writer.know(id, sound, summary.soundBytes);
    const recording = { ...details, error: summary.error, state: summary.state, sound };
    return sound ? recording : { ...recording, ...(await this.#joined(id)) };
  }

  /** Give a recording that is not open another title. */
  async rename(id, title) {
    const recording = await this.get(id);
    if (recording) await this.#write({ ...recording, title });
  }

  /** Take recordings out of all lists. They can be restored for a while. */
  async remove(ids) {
    for (const id of ids) {
      this.#removed.add(id);
      clearTimeout(this.#pending.get(id)?.timer);
      this.#pending.delete(id);
    }
    await this.#writing;
    await this.#markRemoved(ids, Date.now());
  }

  async restore(ids) {
    for (const id of ids) this.#removed.delete(id);
    await this.#markRemoved(ids, 0);
  }

  /** Delete recordings for good. */
  async purge(ids) {
    const database = await this.#database;
    if (database) await purged(database, ids);
  }

  async #markRemoved(ids, deletedMs) {
    const database = await this.#database;
    if (!database) return;
    await written(database, ["summaries"], ({ summaries }) => {
      for (const id of ids) {
        const asked = summaries.get(id);
        asked.onsuccess = () => asked.result && summaries.put({ ...asked.result, deletedMs });
      }
    });
    this.#tell(ids, deletedMs > 0);
  }

  /** Other tabs are asked only if there is something that one of them may work on. */
  async #told(summaries) {
    if (summaries.every(({ state }) => state === "done")) return summaries;
    const working = await this.#tabs.working();
    return summaries.map((one) => (isInterrupted(one, working) ? { ...one, ...INTERRUPTED } : one));
  }

  #settle(id) {
    const { recording, timer } = this.#pending.get(id);
    clearTimeout(timer);
    this.#pending.delete(id);
    const write = this.#writing.then(() => this.#write(recording));
    this.#writing = write.catch(() => {}); // the browser reports `write`; the next recording is kept all the same
  }

  async #write(recording) {
    if (this.#removed.has(recording.id)) return;
    const startedMs = performance.now();
    await this.#writer.write(recording);
    this.#writeMs = performance.now() - startedMs;
    this.#tell([recording.id]);
  }

  /** The sound of somebody whose page went away, from its chunks: {sound, peaks, durationMs}, or {}. */
  async #joined(id) {
    const chunks = await answered(reading(await this.#database, "chunks").getAll(chunksOf(id)));
    const whole = new Recording();
    for (const chunk of chunks) whole.append(chunk);
    return chunks.length ? { sound: whole.wav(), peaks: whole.peaks, durationMs: whole.durationMs } : {};
  }

  #tell(ids, isRemoved = false) {
    for (const id of ids) {
      this.#tabs.tell({ id, isRemoved });
      this.onChange(id, false);
    }
  }

  /** What another tab removed is not kept again by this one. */
  #changedElsewhere({ id, isRemoved }) {
    if (isRemoved) this.#removed.add(id);
    else this.#removed.delete(id);
    this.onChange(id, true);
  }
}

/** The database without what was removed on an earlier visit, null where there is none. */
async function opened() {
  try {
    if (!globalThis.indexedDB) return null;
    const database = await openDatabase();
    const summaries = await answered(reading(database, "summaries").getAll());
    const isOver = ({ deletedMs }) => deletedMs && deletedMs < Date.now() - UNDO_MS;
    await purged(database, summaries.filter(isOver).map(({ id }) => id));
    return database;
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}

async function purged(database, ids) {
  await written(database, STORES, ({ summaries, details, sounds, chunks }) => {
    for (const id of ids) {
      for (const store of [summaries, details, sounds]) store.delete(id);
      chunks.delete(chunksOf(id));
    }
  });
}
