/** From the microphone through the server into an entry. */
import { Live, Microphone } from "../client/index.js";

const SILENT_MS = 3000;
const EXTRA = { wav_name: "page", audio_quality: true, timing: true };
const LIVE_EXTRA = { speech_events: true, token_times: true }; // where texts come while somebody speaks

export class Speaking {
  #entry;
  #listener;
  #microphone;
  #live;
  #isStopping = false;
  #hasSound = false;
  #sound = { blob: null, samples: -1 };

  /**
   * `listener`: onFrame(samples, level, {recordedMs, unsentMs}) with the level from 0 to 1, onSamples(Int16Array) of 16
   * kHz, onState(name, values), onMessage(message, offsetMs), onPartial(text), onFinal(text, sentences) as Live gives
   * them, onStop() when no more sound is taken, onEnd(), onProblem({code}). `options` are those of Live, and `model`,
   * empty for the server's choice.
   */
  constructor(entry, options, listener) {
    this.#entry = entry;
    this.#listener = listener;
    entry.source = () => this.#heard();
    this.#live = new Live({ ...options, keepsSound: true, extra: extraOf(options) }, {
      onState: listener.onState,
      onMessage: listener.onMessage,
      onPartial: (text) => {
        entry.showPartial(text);
        listener.onPartial(text);
      },
      onFinal: (text, sentences) => {
        entry.append(text, sentences);
        listener.onFinal(text, sentences);
      },
      onHeard: (message) => entry.showHeard(message),
      onHotwords: (message) => entry.showHotwords(message),
      onEnd: (error) => this.#ended(error),
    });
  }

  /** Ask for the microphone, then connect. Throws a MicrophoneError. */
  async start() {
    this.#microphone = await Microphone.open(
      (samples) => this.#take(samples),
      () => this.#unplugged(),
    );
    this.#live.start();
  }

  /** Take no more sound; the last texts follow. */
  async stop() {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await this.#microphone?.stop(); // it may be gone before it was there
    this.#show(false);
    this.#listener.onStop();
    this.#live.finish();
  }

  #take(samples) {
    this.#live.send(samples);
    this.#listener.onSamples(samples);
    this.#show(true);
    const level = samples.reduce((loudest, sample) => Math.max(loudest, Math.abs(sample) / 32768), 0);
    const { recording, unsentMs } = this.#live;
    this.#listener.onFrame(samples, level, { recordedMs: recording.durationMs, unsentMs });
    this.#hasSound ||= level > 0;
    if (!this.#hasSound && this.#live.recording.durationMs > SILENT_MS) {
      this.#hasSound = true; // said once
      this.#listener.onProblem({ code: "no_sound" });
    }
  }

  #show(isLive) {
    const { peaks, durationMs } = this.#live.recording;
    this.#entry.recording.transcript.duration_ms = Math.round(durationMs);
    this.#entry.showSound({ peaks, durationMs, isLive });
  }

  #unplugged() {
    this.#listener.onProblem({ code: "unplugged" });
    this.stop();
  }

  async #ended(error) {
    if (error) this.#entry.showError(error);
    await this.stop();
    this.#entry.finish();
    if (this.#live.recording.length) this.#entry.offerSound(this.#heard().blob);
    this.#listener.onEnd();
  }

  #heard() {
    const samples = this.#live.recording.length;
    if (samples !== this.#sound.samples) this.#sound = { blob: this.#live.recording.wav(), samples };
    return samples ? this.#sound : null;
  }
}

/** More keys of the first message. */
function extraOf({ mode, model }) {
  return { ...EXTRA, ...(mode === "offline" ? {} : LIVE_EXTRA), ...(model ? { model } : {}) };
}
