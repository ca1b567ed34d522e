/** The microphone, or another stream of sound, as frames of 16 kHz mono int16. */

// The models were trained on unprocessed speech; a browser's clean-up takes away more than noise.
const CONSTRAINTS = {
  audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
};
const STOP_TIMEOUT_MS = 1000;
const CODES = {
  NotSupportedError: "insecure",
  NotAllowedError: "refused",
  NotFoundError: "no_microphone",
  OverconstrainedError: "no_microphone",
  NotReadableError: "busy_microphone",
  AbortError: "busy_microphone",
  NetworkError: "no_connection",
};

/** There is no sound to be had; `code` says why. */
export class MicrophoneError extends Error {
  constructor(cause) {
    super(cause.message, { cause });
    this.code = CODES[cause.name];
  }
}

export class Microphone {
  #stream;
  #context;
  #node;
  #stopped;
  #isOurs;

  /**
   * Ask for the microphone and start. `onFrame(Int16Array)` gets its sound; `onGone()` is called if it is unplugged.
   * Throws a MicrophoneError.
   *
   * `options`: {stream, workletUrl}. A MediaStream `stream` is taken in place of the microphone, and left running at
   * the end. `workletUrl` is where worklet.js lies, if not beside this module.
   */
  static async open(onFrame, onGone, { stream, workletUrl = new URL("worklet.js", import.meta.url) } = {}) {
    const microphone = new Microphone();
    microphone.#isOurs = !stream;
    try {
      microphone.#stream = stream ?? (await streamOfSound());
      await microphone.#listen(onFrame, onGone, workletUrl);
    } catch (error) {
      await microphone.#release();
      throw error.name in CODES ? new MicrophoneError(error) : error;
    }
    return microphone;
  }

  async #listen(onFrame, onGone, workletUrl) {
    this.#context = new AudioContext();
    await loadWorklet(this.#context, workletUrl);
    this.#node = new AudioWorkletNode(this.#context, "capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    this.#stopped = new Promise((resolve) => {
      this.#node.port.onmessage = ({ data }) => (data === null ? resolve() : onFrame(data));
    });
    this.#stream.getAudioTracks()[0].onended = onGone;
    this.#context.createMediaStreamSource(this.#stream).connect(this.#node);
    await this.#context.resume();
  }

  /** All frames have been handed over when this is done. */
  async stop() {
    this.#node.port.postMessage("stop");
    // The audio thread may have died with its device.
    await Promise.race([this.#stopped, new Promise((resolve) => setTimeout(resolve, STOP_TIMEOUT_MS))]);
    await this.#release();
  }

  async #release() {
    for (const track of (this.#isOurs && this.#stream?.getTracks()) || []) track.stop();
    await this.#context?.close();
  }
}

/** From the server, each time. */
async function loadWorklet(context, url) {
  try {
    await context.audioWorklet.addModule(url);
  } catch (error) {
    throw new DOMException(error.message, "NetworkError");
  }
}

/** Pages without https are not given the interface at all. */
function streamOfSound() {
  if (!navigator.mediaDevices) throw new DOMException("needs a secure context", "NotSupportedError");
  return navigator.mediaDevices.getUserMedia(CONSTRAINTS);
}
