/** Plays a stretch of a recording; one at a time. */

export class Player {
  #audio = new Audio();
  #media = this.#audio;
  #watched = new WeakSet(); // media whose events are heard
  #source = null;
  #rate = 1;
  #endMs = Infinity;
  #frame = 0;
  #onTime = () => {};

  /** Whether it plays this source. */
  isPlaying(source) {
    return this.#source === source && !this.#media.paused;
  }

  /** Speed, 1 as it was recorded. */
  set rate(rate) {
    this.#rate = rate;
    this.#media.playbackRate = rate;
  }

  get rate() {
    return this.#rate;
  }

  /**
   * Play `source` ({blob}, or {media} for an element of the page) from one time to another. `onTime(atMs, isPlaying)`
   * follows it, at last with false. Throws a DOMException where the browser cannot play it.
   */
  async play(source, startMs, endMs, onTime) {
    this.#take(source, endMs, onTime);
    this.#media.currentTime = startMs / 1000;
    this.#media.playbackRate = this.#rate;
    await this.#media.play();
    this.#tick();
  }

  /** Follow an element of the page that somebody has started by its own controls. */
  follow(source, onTime) {
    if (this.isPlaying(source)) return;
    this.#take(source, Infinity, onTime, source.media);
    this.#tick();
  }

  stop() {
    this.#media.pause();
    this.#onTime(this.#media.currentTime * 1000, false);
    this.#onTime = () => {};
  }

  /** `running`: an element that is not to be stopped. */
  #take(source, endMs, onTime, running = null) {
    if (this.#media !== running) this.stop();
    if (!source.media && this.#source?.blob !== source.blob) {
      URL.revokeObjectURL(this.#audio.src);
      this.#audio.src = URL.createObjectURL(source.blob);
    }
    this.#media = source.media ?? this.#audio;
    this.#source = source;
    this.#endMs = endMs;
    this.#onTime = onTime;
    this.#watch(this.#media);
  }

  #watch(media) {
    if (this.#watched.has(media)) return;
    this.#watched.add(media);
    for (const name of ["timeupdate", "pause", "ended"]) {
      media.addEventListener(name, () => media === this.#media && this.#tick({ isEvent: true }));
    }
  }

  /** While it plays, the time is told with each frame of the screen; where those rest, by the element's events. */
  #tick({ isEvent = false } = {}) {
    const atMs = this.#media.currentTime * 1000;
    if (this.#media.paused || atMs >= this.#endMs) {
      this.stop();
      return;
    }
    this.#onTime(atMs, true);
    if (isEvent) return;
    cancelAnimationFrame(this.#frame); // that of a stretch which this one broke off
    this.#frame = requestAnimationFrame(() => this.#tick());
  }
}
