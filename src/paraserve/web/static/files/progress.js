/** How fast something goes, and the time that is left, in words. */

const WINDOW_MS = 60_000; // the speed is that of the last minute

export class Speed {
  #looks = [];

  /** Note that so much is done, of any unit. */
  note(done, nowMs = performance.now()) {
    this.#looks.push([nowMs, done]);
    while (this.#looks.length > 2 && this.#looks[1][0] <= nowMs - WINDOW_MS) this.#looks.shift();
  }

  /** Units a second; 0 as long as nobody knows. */
  get perS() {
    if (this.#looks.length < 2) return 0;
    const [[fromMs, before], [toMs, now]] = [this.#looks[0], this.#looks.at(-1)];
    return toMs > fromMs ? Math.max(0, ((now - before) / (toMs - fromMs)) * 1000) : 0;
  }
}

/** The time that is left, as arguments of `say`: `key` with an ending, and the values. Null seconds: nobody knows. */
export function timeLeft(key, seconds, values) {
  if (seconds === null || !Number.isFinite(seconds)) return [key, values];
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return [`${key}.soon`, values];
  if (minutes < 60) return [`${key}.minutes`, { ...values, minutes }];
  return [`${key}.hours`, { ...values, hours: Math.floor(minutes / 60), minutes: minutes % 60 }];
}
