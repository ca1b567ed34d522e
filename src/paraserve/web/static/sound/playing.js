/** Playing of one recording: its button, its place and its speed. */
import { label } from "../words/words.js";
import { clockText } from "./clock_text.js";

const NEAR_END_MS = 200; // from there on it plays from the beginning
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

export class Playing {
  /** Where it is, in ms. */
  atMs = 0;
  #root;
  #player;
  #source = null; // that is being played
  #listener;
  #backMs = null; // where the place goes once a stretch has been heard

  /** `listener`: source() gives {blob} or {media}, or null; onPlace(atMs, isPlaying); onProblem(error); durationMs(). */
  constructor(root, player, listener) {
    this.#root = root;
    this.#player = player;
    this.#listener = listener;
    this.#find(".play").addEventListener("click", () => this.toggle());
    this.#find(".speed").addEventListener("change", (event) => this.#setSpeed(Number(event.target.value)));
  }

  get isPlaying() {
    return this.#source !== null && this.#player.isPlaying(this.#source);
  }

  toggle() {
    if (this.isPlaying) this.#player.stop();
    else this.play(this.atMs < this.#listener.durationMs() - NEAR_END_MS ? this.atMs : 0);
  }

  /** Play a stretch. Behind one with an end the place goes back to its beginning. */
  async play(startMs, endMs = Infinity) {
    const source = this.#listener.source();
    if (!source) return;
    const start = Math.max(0, startMs);
    this.#source = source;
    this.#showSpeed();
    this.#backMs = null; // the stretch that this one breaks off
    const playing = this.#player.play(source, start, endMs, (atMs, isPlaying) => this.#show(atMs, isPlaying));
    this.#backMs = endMs < Infinity ? start : null;
    try {
      await playing;
    } catch (error) {
      if (error.name !== "AbortError") this.#listener.onProblem(error); // else another word was clicked
    }
  }

  /** Somebody has started the element of a source by its own controls. */
  follow(source) {
    this.#source = source;
    this.#player.follow(source, (atMs, isPlaying) => this.#show(atMs, isPlaying));
  }

  /** Go to a place, and on playing there. */
  seek(atMs) {
    if (this.isPlaying) this.play(atMs);
    else this.#show(atMs, false);
  }

  jump(stepMs) {
    this.seek(Math.max(0, Math.min(this.#listener.durationMs(), this.atMs + stepMs)));
  }

  /** One step faster (1) or slower (-1). */
  changeSpeed(step) {
    const now = SPEEDS.indexOf(this.#player.rate);
    this.#setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, now + step))]);
  }

  stop() {
    if (this.isPlaying) this.#player.stop();
  }

  /** Show how long the recording is by now. */
  showDuration() {
    const text = `${clockText(this.atMs)} / ${clockText(this.#listener.durationMs())}`;
    if (this.#find(".place").textContent !== text) this.#find(".place").textContent = text;
  }

  #setSpeed(rate) {
    this.#player.rate = rate;
    this.#showSpeed();
  }

  #showSpeed() {
    this.#find(".speed").value = String(this.#player.rate);
  }

  #show(atMs, isPlaying) {
    const goesBack = !isPlaying && this.#backMs !== null;
    this.atMs = goesBack ? this.#backMs : atMs;
    if (goesBack) this.#backMs = null;
    const button = this.#find(".play");
    if (button.classList.contains("on") !== isPlaying) {
      button.classList.toggle("on", isPlaying);
      label(button, isPlaying ? "pause" : "play");
    }
    this.showDuration();
    this.#listener.onPlace(this.atMs, isPlaying);
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }
}
