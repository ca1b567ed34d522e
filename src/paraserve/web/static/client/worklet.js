/** On the audio thread: the microphone at the context's rate in, frames of 60 ms of 16 kHz mono int16 out. */
import { PcmReader } from "./pcm.js";

const FRAME_SAMPLES = 960;

class Capture extends AudioWorkletProcessor {
  #reader = new PcmReader(sampleRate);
  #frame = new Int16Array(FRAME_SAMPLES);
  #filled = 0;
  #isOver = false;

  constructor() {
    super();
    this.port.onmessage = () => this.#finish();
  }

  process([input]) {
    // No channel: the microphone has nothing at the moment. The node mixes several into one.
    if (input.length && !this.#isOver) this.#take(this.#reader.push(input[0]));
    return !this.#isOver;
  }

  #take(samples) {
    for (const sample of samples) {
      this.#frame[this.#filled] = sample;
      this.#filled += 1;
      if (this.#filled === FRAME_SAMPLES) this.#send();
    }
  }

  #send() {
    const frame = this.#frame.slice(0, this.#filled);
    this.#filled = 0;
    this.port.postMessage(frame, [frame.buffer]);
  }

  /** What is left, then null. */
  #finish() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#take(this.#reader.flush());
    this.#send();
    this.port.postMessage(null);
  }
}

registerProcessor("capture", Capture);
