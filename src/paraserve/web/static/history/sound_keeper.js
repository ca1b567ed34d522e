/** Keeps what is heard of somebody who speaks, a second at a time, so that a crash takes no more than the last one. */
import { RATE_HZ } from "../client/pcm.js";
import { written } from "./database.js";

const LATEST_MS = 1000;

export class SoundKeeper {
  bytes = 0;
  #database;
  #id;
  #onError;
  #samples = new Int16Array(RATE_HZ * 2);
  #length = 0;
  #chunks = 0;
  #timer = 0;

  /** `onError(error)` gets the DOMException of a chunk that could not be kept. */
  constructor(database, id, onError) {
    this.#database = database;
    this.#id = id;
    this.#onError = onError;
  }

  /** Int16Array of 16 kHz mono, less than a second. */
  add(samples) {
    this.#samples.set(samples, this.#length);
    this.#length += samples.length;
    this.#timer ||= setTimeout(() => this.#write(), LATEST_MS); // what comes last is less than a second
    if (this.#length >= RATE_HZ) this.#write();
  }

  async #write() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const chunk = this.#samples.slice(0, this.#length);
    const key = [this.#id, this.#chunks];
    this.#chunks += 1;
    this.#length = 0;
    this.bytes += chunk.byteLength;
    await written(this.#database, ["chunks"], ({ chunks }) => chunks.put(chunk, key)).catch(this.#onError);
  }
}
