/** Draws peaks with the sentences behind them and the place that is being played. */
const LIVE_WINDOW_MS = 30000; // while it grows, its last part is shown
const BAR_PX = 3;
const GAP_PX = 1;

export class Waveform {
  #canvas;
  #view = { peaks: [], peaksPerS: 1, durationMs: 0, sentences: [], isLive: false };
  #playedMs = null;

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** `view`: {peaks, peaksPerS, durationMs, sentences, isLive}. */
  show(view) {
    this.#view = view;
    this.#draw();
  }

  /** Mark this time; null: none. */
  mark(atMs) {
    this.#playedMs = atMs;
    this.#draw();
  }

  /** The time in ms at a place on the screen. */
  timeAt(clientX) {
    const box = this.#canvas.getBoundingClientRect();
    const [from, to] = this.#window;
    return from + ((clientX - box.left) / box.width) * (to - from);
  }

  get #window() {
    const { durationMs, isLive } = this.#view;
    const from = isLive ? Math.max(0, durationMs - LIVE_WINDOW_MS) : 0;
    return [from, isLive ? from + LIVE_WINDOW_MS : Math.max(1, durationMs)];
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const scale = devicePixelRatio;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    const context = this.#canvas.getContext("2d");
    context.scale(scale, scale);
    const style = getComputedStyle(this.#canvas);
    const [from, to] = this.#window;
    const x = (atMs) => ((atMs - from) / (to - from)) * width;
    context.fillStyle = style.getPropertyValue("--segment");
    for (const { start_ms: start, end_ms: end } of this.#view.sentences) {
      if (end > from) context.fillRect(x(start), 0, x(end) - x(start), height);
    }
    for (let left = 0; left < width; left += BAR_PX + GAP_PX) {
      const at = (px) => Math.floor(((from + (px / width) * (to - from)) / 1000) * this.#view.peaksPerS);
      const peak = loudest(this.#view.peaks, at(left), Math.max(at(left) + 1, at(left + BAR_PX + GAP_PX)));
      if (peak === undefined) break;
      const isPlayed = this.#playedMs !== null && x(this.#playedMs) > left;
      context.fillStyle = style.getPropertyValue(isPlayed ? "--accent" : "--wave");
      const bar = Math.max(1, Math.sqrt(peak) * height * 0.9); // quiet speech shall be seen, too
      context.fillRect(left, (height - bar) / 2, BAR_PX, bar);
    }
  }
}

function loudest(peaks, from, to) {
  let peak = peaks[from];
  for (let n = from + 1; n < to && n < peaks.length; n += 1) peak = Math.max(peak, peaks[n]);
  return peak;
}
