/** Sound that grows while somebody speaks: 16 kHz mono int16 samples, and the peaks that a waveform shows. */
import { RATE_HZ } from "./pcm.js";

export const PEAKS_PER_S = 50;
const BLOCK_SAMPLES = RATE_HZ * 10;
const WAV_HEADER_BYTES = 44;

export class Recording {
  peaks = []; // the loudest sample of each 20 ms, 0 to 1
  length = 0; // samples
  #blocks = [];
  #loudest = 0;
  #forgotten = 0; // blocks

  get durationMs() {
    return (this.length / RATE_HZ) * 1000;
  }

  /** Add what was recorded next. */
  append(samples) {
    for (const sample of samples) {
      const at = this.length % BLOCK_SAMPLES;
      if (at === 0) this.#blocks.push(new Int16Array(BLOCK_SAMPLES));
      this.#blocks.at(-1)[at] = sample;
      this.length += 1;
      this.#loudest = Math.max(this.#loudest, Math.abs(sample) / 32768);
      if (this.length % (RATE_HZ / PEAKS_PER_S) === 0) {
        this.peaks.push(this.#loudest);
        this.#loudest = 0;
      }
    }
  }

  /** Samples `start` to `end` (not included) as a new Int16Array. */
  slice(start, end) {
    const to = Math.min(end, this.length);
    const samples = new Int16Array(Math.max(0, to - start));
    for (let at = start; at < to; ) {
      const block = Math.floor(at / BLOCK_SAMPLES);
      const inBlock = at - block * BLOCK_SAMPLES;
      const part = this.#blocks[block].subarray(inBlock, Math.min(BLOCK_SAMPLES, inBlock + to - at));
      samples.set(part, at - start);
      at += part.length;
    }
    return samples;
  }

  /** Free the memory of the sound before a sample, as far as whole blocks go; it cannot be asked for any more. */
  forget(before) {
    const end = Math.floor(Math.min(before, this.length) / BLOCK_SAMPLES);
    for (; this.#forgotten < end; this.#forgotten += 1) this.#blocks[this.#forgotten] = null;
  }

  /** All of it as a WAV file (Blob), if nothing was forgotten. */
  wav() {
    const samples = this.slice(0, this.length);
    return new Blob([wavHeader(samples.byteLength), samples], { type: "audio/wav" });
  }
}

/** Peaks (see `Recording.peaks`) of mono float samples of any rate. */
export function peaksOf(samples, rateHz) {
  const step = rateHz / PEAKS_PER_S;
  return Array.from({ length: Math.floor(samples.length / step) }, (_, n) =>
    samples.subarray(Math.floor(n * step), Math.floor((n + 1) * step)).reduce((a, b) => Math.max(a, Math.abs(b)), 0),
  );
}

function wavHeader(dataBytes) {
  const view = new DataView(new ArrayBuffer(WAV_HEADER_BYTES));
  const text = (at, letters) => [...letters].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, WAV_HEADER_BYTES - 8 + dataBytes, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of the format
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, RATE_HZ, true);
  view.setUint32(28, RATE_HZ * 2, true); // bytes a second
  view.setUint16(32, 2, true); // bytes of a sample in all channels
  view.setUint16(34, 16, true); // bits
  text(36, "data");
  view.setUint32(40, dataBytes, true);
  return view.buffer;
}
