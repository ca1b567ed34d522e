/** Samples of any rate as 16 kHz int16. */
import { Resampler } from "./resampler.js";

export const RATE_HZ = 16000;

export class PcmReader {
  #resampler;

  /** `rateHz` is the rate of the samples that come. */
  constructor(rateHz) {
    this.#resampler = rateHz === RATE_HZ ? null : new Resampler(rateHz, RATE_HZ);
  }

  /** The next samples: an Int16Array, or a Float32Array from -1 to 1. */
  push(samples) {
    if (!this.#resampler) return samples instanceof Float32Array ? int16(samples) : samples;
    return int16(this.#resampler.push(samples instanceof Float32Array ? samples : float32(samples)));
  }

  /** The samples that waited for others after them. */
  flush() {
    return this.#resampler ? int16(this.#resampler.flush()) : new Int16Array(0);
  }
}

/** Floats from -1 to 1 as int16; those beyond are clipped. */
export function int16(samples) {
  return Int16Array.from(samples, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample * 32768))));
}

function float32(samples) {
  return Float32Array.from(samples, (sample) => sample / 32768);
}
