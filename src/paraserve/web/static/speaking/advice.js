/** What would help the recognition while somebody speaks: from the sound itself and from what the server says of it. */
import { say } from "../words/words.js";

const HOLD_MS = 4000; // advice can be read before it gives way to one that is less urgent
const URGENT_FIRST = ["waiting", "clipped", "nothing", "no_speech", "too_quiet", "noisy", "busy", null];
const CLIPPED_WINDOW = 34; // 2 s of frames of 60 ms
const QUIET_WINDOW = 167; // 10 s: a server that is late says late that speech has ended
const LIMIT = 32600; // of samples that are cut off
const CLIPPED_SAMPLES = 2; // in a frame
const CLIPPED_FRAMES = 3; // in that window
const NOTHING_LEVEL = 0.003; // -50 dB: no room is so quiet with an open microphone
const NOTHING_AFTER_MS = 5000;
const NO_SPEECH_AFTER_MS = 10000;
const QUIET_LEVEL = 0.02; // -34 dB: the loudest sample while somebody speaks

export class Advice {
  #line;
  #frames = []; // {level, isClipped} of the last ones
  #hasLevel = false;
  #hasSpeech = false;
  #isSpeech = false;
  #hints = []; // of the server
  #isBusy = false;
  #isWaiting = false; // for a connection
  #shown = null;
  #shownAtMs = -Infinity;

  constructor(line) {
    this.#line = line;
  }

  /** Begin a recording. */
  reset() {
    this.#frames = [];
    this.#hints = [];
    this.#hasLevel = this.#hasSpeech = this.#isSpeech = this.#isBusy = this.#isWaiting = false;
    this.#show(null);
  }

  /** What the server says: when speech begins and ends, the quality of the sound, and whether it is busy. */
  take({ event, audio_quality: quality, notice, text }) {
    if (event) this.#isSpeech = event === "speech_started";
    this.#hasSpeech ||= this.#isSpeech || Boolean(text);
    if (quality) this.#hints = quality.hints;
    if (notice || text) this.#isBusy = notice?.code === "degraded";
  }

  /** Whether the connection is broken. */
  set isWaiting(isWaiting) {
    this.#isWaiting = isWaiting;
  }

  /** The next frame: Int16Array, its loudest sample from 0 to 1, and how much has been recorded with it. */
  hear(samples, level, recordedMs) {
    const clipped = samples.reduce((count, sample) => count + (Math.abs(sample) >= LIMIT), 0);
    this.#frames.push({ level, isClipped: clipped >= CLIPPED_SAMPLES });
    if (this.#frames.length > QUIET_WINDOW) this.#frames.shift();
    this.#hasLevel ||= level > NOTHING_LEVEL;
    const next = this.#best(recordedMs);
    const isUrgent = URGENT_FIRST.indexOf(next) < URGENT_FIRST.indexOf(this.#shown);
    const isRead = performance.now() - this.#shownAtMs > HOLD_MS;
    if (next !== this.#shown && (isUrgent || isRead)) this.#show(next);
  }

  #best(recordedMs) {
    if (this.#isWaiting) return "waiting";
    if (this.#frames.slice(-CLIPPED_WINDOW).filter((frame) => frame.isClipped).length >= CLIPPED_FRAMES) return "clipped";
    if (!this.#hasLevel && recordedMs > NOTHING_AFTER_MS) return "nothing";
    if (!this.#hasSpeech && recordedMs > NO_SPEECH_AFTER_MS) return "no_speech";
    const isFull = this.#frames.length === QUIET_WINDOW;
    if (this.#isSpeech && isFull && this.#frames.every((frame) => frame.level < QUIET_LEVEL)) return "too_quiet";
    const hint = ["too_quiet", "noisy"].find((name) => this.#hints.includes(name));
    return hint ?? (this.#isBusy ? "busy" : null);
  }

  #show(name) {
    this.#shown = name;
    this.#shownAtMs = performance.now();
    say(this.#line, name && `advice.${name}`);
  }
}
