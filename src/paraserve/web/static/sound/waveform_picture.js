/** Draws a stretch of peaks with the sentences behind them. */
const BAR_PX = 3;
const GAP_PX = 1;
const FULL_HEIGHT = 0.9;

export class WaveformPicture {
  #canvas;
  #layers = [document.createElement("canvas"), document.createElement("canvas")]; // not played and played, drawn once
  #size = { width: 0, height: 0 };
  #range = [0, 1];

  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** Draw `view` ({peaks: Peaks, peaksPerS, sentences}) from one time in ms to another. */
  render(view, range) {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    this.#size = { width, height };
    this.#range = range;
    const style = getComputedStyle(this.#canvas);
    ["--wave", "--accent"].forEach((name, n) => {
      fit(this.#layers[n], width, height);
      const context = this.#layers[n].getContext("2d");
      this.#draw(context, view, style.getPropertyValue("--segment"), style.getPropertyValue(name));
    });
    fit(this.#canvas, width, height);
  }

  /** Show what has been drawn, as played up to a time; with `frame` ([from, to]) around a stretch. */
  show(playedMs, frame = null) {
    const { width, height } = this.#size;
    if (!width || !height) return;
    const context = this.#canvas.getContext("2d");
    const played = Math.max(0, Math.min(width, this.#x(playedMs ?? -Infinity)));
    context.clearRect(0, 0, width, height);
    const [still, moved] = this.#layers;
    const scale = still.width / width;
    context.drawImage(still, 0, 0, width, height);
    if (played > 0) context.drawImage(moved, 0, 0, played * scale, moved.height, 0, 0, played, height);
    if (playedMs !== null) this.#line(context, this.#x(playedMs));
    if (frame) this.#frame(context, frame.map((ms) => this.#x(ms)));
  }

  #x(atMs) {
    const [from, to] = this.#range;
    return ((atMs - from) / (to - from)) * this.#size.width;
  }

  #draw(context, { peaks, peaksPerS, sentences }, segment, colour) {
    const { width, height } = this.#size;
    const [from, to] = this.#range;
    context.fillStyle = segment;
    for (const { start_ms: start, end_ms: end } of sentences) {
      if (end > from && start < to) context.fillRect(this.#x(start), 0, this.#x(end) - this.#x(start), height);
    }
    context.fillStyle = colour;
    const at = (px) => Math.floor(((from + (px / width) * (to - from)) / 1000) * peaksPerS);
    for (let left = 0; left < width; left += BAR_PX + GAP_PX) {
      const peak = peaks.loudest(at(left), Math.max(at(left) + 1, at(left + BAR_PX + GAP_PX)));
      if (peak === undefined) break;
      const bar = Math.max(1, Math.sqrt(peak) * height * FULL_HEIGHT); // quiet speech shall be seen, too
      context.fillRect(left, (height - bar) / 2, BAR_PX, bar);
    }
  }

  #line(context, x) {
    context.fillStyle = getComputedStyle(this.#canvas).getPropertyValue("--ink");
    context.fillRect(Math.max(0, Math.min(this.#size.width - 2, x - 1)), 0, 2, this.#size.height);
  }

  #frame(context, [left, right]) {
    context.strokeStyle = getComputedStyle(this.#canvas).getPropertyValue("--accent");
    context.lineWidth = 2;
    context.strokeRect(left + 1, 1, Math.max(4, right - left - 2), this.#size.height - 2);
  }
}

/** Empty the canvas, at the size of the screen's own points. */
function fit(canvas, width, height) {
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  canvas.getContext("2d").scale(devicePixelRatio, devicePixelRatio);
}
