/** The loudest of many peaks, without looking at each. */
const GROUP = 32;

export class Peaks {
  #values;
  #groups = []; // the loudest of each GROUP values

  constructor(values) {
    this.#values = values;
  }

  /** The loudest value from number `from` to `to` (not included); undefined where there is none. */
  loudest(from, to) {
    this.#group();
    const end = Math.min(to, this.#values.length);
    let peak = from < end ? 0 : undefined;
    for (let n = from; n < end; ) {
      const isGroup = n % GROUP === 0 && n + GROUP <= end;
      peak = Math.max(peak, isGroup ? this.#groups[n / GROUP] : this.#values[n]);
      n += isGroup ? GROUP : 1;
    }
    return peak;
  }

  /** They may have become more. */
  #group() {
    while ((this.#groups.length + 1) * GROUP <= this.#values.length) {
      const start = this.#groups.length * GROUP;
      this.#groups.push(this.#values.slice(start, start + GROUP).reduce((a, b) => Math.max(a, b), 0));
    }
  }
}
