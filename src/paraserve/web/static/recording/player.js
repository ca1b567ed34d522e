/** Plays a stretch of a recording; one at a time. */

export class Player {
  #audio = new Audio();
  #source = null;
  #endMs = Infinity;
  #onTime = () => {};

  constructor() {
    const tick = () => this.#tick();
    for (const name of ["timeupdate", "pause", "ended"]) this.#audio.addEventListener(name, tick);
  }

  /** Whether it plays this source. */
  isPlaying(source) {
    return this.#source === source && !this.#audio.paused;
  }

  /**
   * Play `source` ({blob}) from one time to another. `onTime(atMs)` follows it, with null at its end.
   * Throws a DOMException where the browser cannot play it.
   */
  async play(source, startMs, endMs, onTime) {
    this.stop();
    if (this.#source?.blob !== source.blob) {
      URL.revokeObjectURL(this.#audio.src);
      this.#audio.src = URL.createObjectURL(source.blob);
    }
    this.#source = source;
    this.#endMs = endMs;
    this.#onTime = onTime;
    this.#audio.currentTime = startMs / 1000;
    await this.#audio.play();
    this.#follow();
  }

  stop() {
    this.#audio.pause();
    this.#onTime(null);
    this.#onTime = () => {};
  }

  #follow() {
    if (this.#audio.paused) return;
    this.#tick();
    requestAnimationFrame(() => this.#follow());
  }

  #tick() {
    const atMs = this.#audio.currentTime * 1000;
    if (this.#audio.paused || atMs >= this.#endMs) this.stop();
    else this.#onTime(atMs);
  }
}
