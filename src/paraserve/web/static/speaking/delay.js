/** How far the text is behind the voice: sound that was recorded, less the sound that the newest words end with. */
import { say } from "../words/words.js";

const LATE_MS = 2000; // a word waits for the step of 600 ms that it falls into, and for what follows it
const VERY_LATE_MS = 5000;
const SHOW_EVERY_MS = 1000; // a figure that flickers cannot be read
const KEPT = 3; // the middle one of the newest delays is shown
const OLD_MS = 10000; // a delay of so long ago says nothing of now
const BUSY_SHARE = 0.5; // of the delay; beyond, it is the server's

export class Delay {
  #badge;
  #newest = []; // {delayMs, serverMs} of the last results
  #measuredAtMs = -Infinity;
  #isConnected = false;
  #shownAtMs = -Infinity;

  constructor(badge) {
    this.#badge = badge;
  }

  /** Begin a recording, or end it. */
  reset() {
    this.#newest = [];
    this.#isConnected = false;
    this.#shownAtMs = -Infinity;
    this.#show(null, 0);
  }

  /**
   * A result came when `recordedMs` of sound had been recorded. Its times count from `offsetMs` of the sound. Words that
   * are new are those of partial texts: a final one writes them again. Models that tell no times of words tell at least
   * up to which moment a text is about (`due_ms`). `server_ms` is how long the server worked on it.
   */
  take({ mode, text, tokens, due_ms: dueMs, server_ms: serverMs = 0 }, offsetMs, recordedMs) {
    const endMs = tokens?.at(-1)?.end_ms ?? dueMs;
    if (!mode?.endsWith("online") || !text || endMs === undefined) return;
    this.#newest = [...this.#newest, { delayMs: recordedMs - offsetMs - endMs, serverMs }].slice(-KEPT);
    this.#measuredAtMs = performance.now();
  }

  /** Whether the server is there. */
  set isConnected(isConnected) {
    this.#isConnected = isConnected;
    this.#shownAtMs = -Infinity;
  }

  /** Show the delay now. `unsentMs` of the sound have not left: so much it is at least. */
  tick(unsentMs) {
    const now = performance.now();
    if (now - this.#shownAtMs < SHOW_EVERY_MS) return;
    this.#shownAtMs = now;
    if (now - this.#measuredAtMs > OLD_MS) this.#newest = [];
    const sorted = [...this.#newest].sort((a, b) => a.delayMs - b.delayMs);
    const { delayMs, serverMs } = sorted[sorted.length >> 1] ?? { delayMs: null, serverMs: 0 };
    if (!this.#isConnected) this.#show(null, 0);
    else if (unsentMs > Math.max(LATE_MS, delayMs)) this.#show(unsentMs, 0);
    else this.#show(delayMs, serverMs);
  }

  #show(delayMs, serverMs) {
    const state = delayMs === null ? "none" : delayMs < LATE_MS ? "good" : delayMs < VERY_LATE_MS ? "late" : "very_late";
    const cause = serverMs > delayMs * BUSY_SHARE ? "busy" : "slow";
    this.#badge.dataset.state = state;
    const phrase = state === "none" ? null : state === "good" ? "delay.good" : `delay.${cause}`;
    say(this.#badge, phrase, { seconds: Math.max(0, delayMs / 1000).toFixed(1) });
  }
}
