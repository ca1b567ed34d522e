/** From a file through the server into an entry. */
import { ServerError, transcribe } from "../client/index.js";
import { RATE_HZ } from "../client/pcm.js";
import { peaksOf } from "../client/recording.js";
import { spaceBetween } from "../transcripts/joining.js";
import { clockText } from "../sound/clock_text.js";
import { Speed, timeLeft } from "./progress.js";

const LONGEST_OWN_WAVEFORM_S = 600; // that of a longer recording comes from the server, coarser
const LARGEST_OWN_WAVEFORM_BYTES = 50_000_000;
const TICK_MS = 1000;
const SHOW_MS = 300;
const FULL_SCALE = 255;

/** Send `file`, show in `entry` how it goes and what comes. Never throws for what can go wrong with files. */
export async function listen(file, entry, options) {
  const cancel = new AbortController();
  entry.onCancel = () => cancel.abort();
  try {
    await recognize(file, entry, { ...options, signal: cancel.signal });
  } catch (error) {
    if (error instanceof ServerError) entry.showError(error);
    else if (error !== cancel.signal.reason) throw error;
    entry.finish("cancelled");
  } finally {
    entry.onCancel = () => {};
  }
}

/**
 * The same for whoever wants to know what goes wrong: rejects as `transcribe` does. `options`: those of `transcribe` with
 * the choices of the page, `onFraction` is told how much is done.
 */
export async function recognize(file, entry, { channel, model, ...options }, onFraction = () => {}) {
  const sound = new FileSound(file, entry);
  const text = new GrowingText(entry);
  const work = new Work(entry, onFraction);
  try {
    const { peaks: _, ...transcript } = await transcribe(file, {
      ...options,
      fields: { audio_quality: true, peaks: true, ...(channel && { channel }), ...(model && { model }) },
      onProgress: (fraction) => work.sent(fraction),
      onSentence: (sentence) => text.add(sentence),
      onRecognized: (progress) => work.recognized(progress),
      onPeaks: (start, peaks, perS) => sound.add(start, peaks, perS),
    });
    text.stop();
    entry.showTranscript(transcript);
  } finally {
    text.stop();
    work.stop();
  }
}

/** Sentences as they come, a few at once. Those of split channels come at the end, when the whole text is there. */
class GrowingText {
  #entry;
  #last = "";
  #text = "";
  #sentences = [];
  #timer = 0;

  constructor(entry) {
    this.#entry = entry;
  }

  add({ index, ...sentence }) {
    if (sentence.channel !== undefined) return;
    this.#text += spaceBetween(this.#last, sentence.text) + sentence.text;
    this.#sentences.push(sentence);
    this.#last = sentence.text || this.#last;
    this.#timer ||= setTimeout(() => this.#show(), SHOW_MS);
  }

  /** What is not shown yet comes with the whole text. */
  stop() {
    clearTimeout(this.#timer);
  }

  #show() {
    this.#entry.append(this.#text, this.#sentences);
    [this.#text, this.#sentences, this.#timer] = ["", [], 0];
  }
}

/** How much has been sent, then how much is recognized, and for how long it is going on until the server tells. */
class Work {
  #entry;
  #onFraction;
  #timer = 0;
  #speed = new Speed();

  constructor(entry, onFraction) {
    this.#entry = entry;
    this.#onFraction = onFraction;
    this.sent(0);
  }

  sent(fraction) {
    this.#onFraction(fraction / 2);
    if (fraction < 1) this.#entry.showProgress("sending", { percent: Math.floor(fraction * 100) }, fraction);
    else if (!this.#timer) this.#count();
  }

  recognized({ recognized_ms: doneMs, duration_ms: wholeMs }) {
    clearInterval(this.#timer);
    this.#speed.note(doneMs);
    if (wholeMs === null) this.#entry.showProgress("recognized.part", { done: clockText(doneMs) });
    else this.#showPart(Math.min(doneMs, wholeMs), wholeMs);
  }

  stop() {
    clearInterval(this.#timer);
  }

  #showPart(doneMs, wholeMs) {
    const { perS } = this.#speed;
    const values = { done: clockText(doneMs), whole: clockText(wholeMs), speed: Math.round(perS / 1000) };
    this.#onFraction(0.5 + doneMs / wholeMs / 2);
    const left = timeLeft("recognized", perS ? (wholeMs - doneMs) / perS : null, values);
    this.#entry.showProgress(...left, doneMs / wholeMs);
  }

  #count() {
    let seconds = 0;
    const show = () => this.#entry.showProgress("recognising", { seconds });
    this.#timer = setInterval(() => {
      seconds += TICK_MS / 1000;
      show();
    }, TICK_MS);
    show();
  }
}

/** The waveform: of what the browser decodes, and where it cannot or should not, of the server's peaks. */
class FileSound {
  #entry;
  #peaks = [];
  #isOwn = false;

  constructor(file, entry) {
    this.#entry = entry;
    this.#showOwn(file);
  }

  /** The server's next peaks. */
  add(start, peaks, perS) {
    peaks.forEach((peak, n) => (this.#peaks[start + n] = peak / FULL_SCALE));
    const durationMs = (this.#peaks.length / perS) * 1000;
    if (!this.#isOwn) this.#entry.showSound({ peaks: this.#peaks, durationMs, isLive: false, peaksPerS: perS });
  }

  async #showOwn(file) {
    if (file.size > LARGEST_OWN_WAVEFORM_BYTES || !((await durationOf(file)) <= LONGEST_OWN_WAVEFORM_S)) return;
    const context = new OfflineAudioContext(1, 1, RATE_HZ);
    try {
      const sound = await context.decodeAudioData(await file.arrayBuffer());
      const peaks = peaksOf(sound.getChannelData(0), RATE_HZ);
      this.#isOwn = true;
      this.#entry.showSound({ peaks, durationMs: sound.duration * 1000, isLive: false });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
  }
}

/** In seconds; NaN where the browser does not know. */
function durationOf(file) {
  const probe = document.createElement("audio");
  return new Promise((resolve) => {
    probe.onloadedmetadata = () => resolve(probe.duration);
    probe.onerror = () => resolve(NaN);
    probe.preload = "metadata";
    probe.src = URL.createObjectURL(file);
  }).finally(() => URL.revokeObjectURL(probe.src));
}
