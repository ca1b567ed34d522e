/** The waveform of a recording of any length: a stretch of it to seek in, and all of it below if that is longer. */
import { PEAKS_PER_S } from "../client/recording.js";
import { clockText } from "./clock_text.js";
import { Peaks } from "./peaks.js";
import { WaveformPicture } from "./waveform_picture.js";

const LIVE_WINDOW_MS = 30000; // while it grows, its last part is shown
const SHORTEST_WINDOW_MS = 2000;
const ZOOM = 1.5;
const WHEEL_ZOOM = 1.002;
const LEAD = 0.1; // of the window is before what is played, when that has left the window

export class Waveform {
  /** `onSeek(atMs, isChosen)`: somebody has put the place there; `isChosen` false: and still moves it. */
  onSeek = () => {};
  #canvas;
  #overview;
  #picture;
  #overviewPicture;
  #view = { values: [], peaks: new Peaks([]), peaksPerS: PEAKS_PER_S, durationMs: 0, sentences: [], isLive: false };
  #window = null; // [from, to] in ms, null: all of it
  #playedMs = null;

  /** `canvas` shows a stretch, `overview` all. */
  constructor(canvas, overview) {
    this.#canvas = canvas;
    this.#overview = overview;
    this.#picture = new WaveformPicture(canvas);
    this.#overviewPicture = new WaveformPicture(overview);
    for (const one of [canvas, overview]) new ResizeObserver(() => this.#draw()).observe(one);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    this.#listen();
  }

  /** `view`: {peaks, peaksPerS, durationMs, sentences, isLive}. */
  show({ peaks: values, ...view }) {
    const peaks = values === this.#view.values ? this.#view.peaks : new Peaks(values);
    this.#view = { ...view, values, peaks };
    this.#draw();
  }

  /** Mark this time. While it plays it stays in sight. */
  mark(atMs, isPlaying = false) {
    this.#playedMs = atMs;
    this.#tell();
    const [from, to] = this.#range;
    if (isPlaying && this.#window && (atMs < from || atMs >= to)) this.#move(atMs - LEAD * (to - from));
    else this.#paint();
  }

  /** Make the stretch that is shown shorter (`factor` over 1) or longer, around a time. */
  zoom(factor, aroundMs = this.#playedMs ?? this.#range[0]) {
    const [from, to] = this.#range;
    const span = Math.max(Math.min(SHORTEST_WINDOW_MS, this.#view.durationMs), (to - from) / factor);
    const inside = Math.max(from, Math.min(to, aroundMs));
    const start = inside - ((inside - from) / (to - from)) * span;
    this.#window = span < this.#view.durationMs ? [start, start + span] : null;
    this.#move(start);
  }

  get #range() {
    const { durationMs, isLive } = this.#view;
    if (!isLive) return this.#window ?? [0, Math.max(1, durationMs)];
    const from = Math.max(0, durationMs - LIVE_WINDOW_MS);
    return [from, from + LIVE_WINDOW_MS];
  }

  /** Show the stretch of the same length from here. */
  #move(from) {
    if (this.#window) {
      const span = this.#window[1] - this.#window[0];
      const start = Math.max(0, Math.min(this.#view.durationMs - span, from));
      this.#window = [start, start + span];
    }
    this.#draw();
  }

  #draw() {
    this.#overview.hidden = !this.#window || this.#view.isLive;
    this.#picture.render(this.#view, this.#range);
    if (!this.#overview.hidden) this.#overviewPicture.render(this.#view, [0, Math.max(1, this.#view.durationMs)]);
    this.#paint();
    this.#tell();
  }

  #paint() {
    this.#picture.show(this.#playedMs);
    if (!this.#overview.hidden) this.#overviewPicture.show(this.#playedMs, this.#range);
  }

  /** To screen readers it is a slider of seconds. */
  #tell() {
    const [at, all] = [this.#playedMs ?? 0, this.#view.durationMs];
    const second = String(Math.floor(at / 1000));
    if (this.#canvas.ariaValueNow === second && this.#canvas.ariaValueMax === String(Math.ceil(all / 1000))) return;
    this.#canvas.ariaValueMin = "0";
    this.#canvas.ariaValueMax = String(Math.ceil(all / 1000));
    this.#canvas.ariaValueNow = second;
    this.#canvas.ariaValueText = `${clockText(at)} / ${clockText(all)}`;
  }

  #listen() {
    this.#drag(this.#canvas, (at, isChosen) => {
      this.mark(at);
      this.onSeek(at, isChosen);
    });
    this.#drag(this.#overview, (at) => this.#window && this.#move(at - (this.#window[1] - this.#window[0]) / 2));
    this.#canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Call `take(atMs, isLast)` for each place that a pointer is drawn over. */
  #drag(canvas, take) {
    const at = (event) => this.#timeAt(canvas, event.clientX);
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      take(at(event), false);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) take(at(event), false);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) take(at(event), true);
    });
  }

  #timeAt(canvas, clientX) {
    const box = canvas.getBoundingClientRect();
    const [from, to] = canvas === this.#canvas ? this.#range : [0, this.#view.durationMs];
    return Math.max(0, Math.min(this.#view.durationMs, from + ((clientX - box.left) / box.width) * (to - from)));
  }

  /** With Ctrl, as from two fingers on a touchpad, it zooms; sideways it scrolls. The page scrolls by all others. */
  #wheel(event) {
    if (event.ctrlKey) this.zoom(WHEEL_ZOOM ** -event.deltaY, this.#timeAt(this.#canvas, event.clientX));
    else if (this.#window && Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const [from, to] = this.#range;
      this.#move(from + (event.deltaX / this.#canvas.clientWidth) * (to - from));
    } else return;
    event.preventDefault();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.#playedMs ?? 0;
    const steps = { ArrowLeft: -5000, ArrowRight: 5000, ArrowDown: -5000, ArrowUp: 5000, PageDown: -60000, PageUp: 60000 };
    const places = { Home: 0, End: this.#view.durationMs };
    const to = event.key in steps ? at + steps[event.key] : places[event.key];
    if (to !== undefined) this.#seek(Math.max(0, Math.min(this.#view.durationMs, to)));
    else if (event.key === "+" || event.key === "=") this.zoom(ZOOM);
    else if (event.key === "-") this.zoom(1 / ZOOM);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #seek(atMs) {
    this.mark(atMs, true);
    this.onSeek(atMs, false);
  }
}
