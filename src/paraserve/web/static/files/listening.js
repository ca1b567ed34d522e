/** From a file through the server into an entry. */
import { ServerError, transcribe } from "../client/index.js";
import { RATE_HZ } from "../client/pcm.js";
import { peaksOf } from "../client/recording.js";

const LONGEST_WAVEFORM_S = 1800; // decoding more would take too much of the browser's memory
const LARGEST_WAVEFORM_BYTES = 200_000_000;
const TICK_MS = 1000;

/** Send `file`, show in `entry` how it goes and what comes. Never throws for what can go wrong with files. */
export async function listen(file, entry, options) {
  showWaveform(file, entry);
  const cancel = new AbortController();
  entry.onCancel = () => cancel.abort();
  const clock = new Clock(entry);
  try {
    const onProgress = (fraction) => clock.progress(fraction);
    const fields = { audio_quality: true, ...(options.model ? { model: options.model } : {}) };
    entry.showTranscript(await transcribe(file, { ...options, fields, onProgress, signal: cancel.signal }));
  } catch (error) {
    if (error instanceof ServerError) entry.showError(error);
    else if (error !== cancel.signal.reason) throw error;
    entry.finish("cancelled");
  } finally {
    clock.stop();
    entry.onCancel = () => {};
  }
}

/** How much has been sent; then, since the server does not tell how far it is, for how long it has been at it. */
class Clock {
  #entry;
  #timer = 0;

  constructor(entry) {
    this.#entry = entry;
    this.progress(0);
  }

  progress(fraction) {
    if (fraction < 1) this.#entry.showProgress("sending", { percent: Math.floor(fraction * 100) }, fraction);
    else if (!this.#timer) this.#count();
  }

  stop() {
    clearInterval(this.#timer);
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

/** Where the browser cannot decode the file there is no waveform; the server may well know its format. */
async function showWaveform(file, entry) {
  if (file.size > LARGEST_WAVEFORM_BYTES || !((await durationOf(file)) <= LONGEST_WAVEFORM_S)) return;
  const context = new OfflineAudioContext(1, 1, RATE_HZ);
  try {
    const sound = await context.decodeAudioData(await file.arrayBuffer());
    const peaks = peaksOf(sound.getChannelData(0), RATE_HZ);
    entry.showSound({ peaks, durationMs: sound.duration * 1000, isLive: false });
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
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
