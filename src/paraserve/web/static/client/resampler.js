/**
 * Band-limited resampling of a stream by any ratio: each output sample is the input weighted with a Hann-windowed sinc
 * around its place in time (J. O. Smith, "Digital Audio Resampling Home Page"), read from a table.
 */
const ZERO_CROSSINGS = 24; // on each side
const ROLL_OFF = 0.93; // of the lower Nyquist rate: half as loud there, 60 dB down at 1.06 of it
const TABLE_STEPS = 512; // for each input sample; between them the table is interpolated

export class Resampler {
  #step; // input samples for each output sample
  #half; // reach of the kernel in input samples
  #table;
  #history; // the last input samples
  #position; // of the next output sample, counted from the start of the history

  /** Rates in Hz. */
  constructor(fromHz, toHz) {
    this.#step = fromHz / toHz;
    const cutoff = ROLL_OFF * Math.min(1, toHz / fromHz);
    this.#half = Math.ceil(ZERO_CROSSINGS / cutoff);
    this.#table = kernel(cutoff, this.#half);
    this.#history = new Float32Array(this.#half); // silence before the first sample
    this.#position = this.#half;
  }

  /** The output samples (Float32Array) that the input so far and `samples` make possible. */
  push(samples) {
    if (this.#step === 1) return samples;
    const input = joined(this.#history, samples);
    const last = input.length - 1 - this.#half;
    const count = Math.max(0, Math.floor((last - this.#position) / this.#step) + 1);
    const output = Float32Array.from({ length: count }, (_, n) => this.#at(input, this.#position + n * this.#step));
    const next = this.#position + count * this.#step;
    const drop = Math.max(0, Math.floor(next) - this.#half);
    this.#history = input.slice(drop);
    this.#position = next - drop;
    return output;
  }

  /** The samples that still waited for input after their time. */
  flush() {
    return this.push(new Float32Array(this.#step === 1 ? 0 : this.#half));
  }

  #at(input, position) {
    const first = Math.max(0, Math.ceil(position - this.#half));
    const end = Math.min(input.length, Math.floor(position + this.#half) + 1);
    let sum = 0;
    for (let n = first; n < end; n += 1) {
      const place = Math.abs(n - position) * TABLE_STEPS;
      const below = Math.floor(place);
      const low = this.#table[below];
      sum += input[n] * (low + (this.#table[below + 1] - low) * (place - below));
    }
    return sum;
  }
}

function kernel(cutoff, half) {
  return Float32Array.from({ length: half * TABLE_STEPS + 2 }, (_, n) => {
    const t = n / TABLE_STEPS;
    const window = t < half ? 0.5 + 0.5 * Math.cos((Math.PI * t) / half) : 0;
    const x = Math.PI * cutoff * t;
    return cutoff * window * (x === 0 ? 1 : Math.sin(x) / x);
  });
}

function joined(a, b) {
  const both = new Float32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
