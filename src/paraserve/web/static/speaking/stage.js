/** Everything that is seen while somebody speaks: captions, level, clock, delay and advice. */
import { clockText } from "../sound/clock_text.js";
import { Advice } from "./advice.js";
import { Captions } from "./captions.js";
import { Delay } from "./delay.js";
import { isFullScreen, keepAwake, listenToFullScreen } from "./full_screen.js";

const $ = (id) => document.getElementById(id);

export class Stage {
  #captions = new Captions();
  #delay = new Delay($("delay"));
  #advice = new Advice($("advice"));
  #isSpeaking = false;
  #hasDelay = false;
  #recordedMs = 0;

  constructor() {
    listenToFullScreen(
      (step) => this.#captions.changeSize(step),
      () => this.#show(),
    );
  }

  /** Somebody begins to speak, in a mode of the protocol: without partial texts there is no delay to tell. */
  begin(mode) {
    this.#isSpeaking = true;
    this.#hasDelay = mode !== "offline";
    this.#captions.clear();
    this.#delay.reset();
    this.#advice.reset();
    $("waiting-for-words").hidden = false;
    this.#show();
    keepAwake(true);
  }

  /** The last text has come. On the full screen it stays to be read. */
  end() {
    this.#isSpeaking = false;
    this.#delay.reset();
    this.#advice.reset();
    $("level").value = 0;
    this.#show();
    keepAwake(false);
  }

  showPartial(text) {
    if (text) $("waiting-for-words").hidden = true;
    this.#captions.showPartial(text);
  }

  append(text, sentences) {
    $("waiting-for-words").hidden = true;
    this.#captions.append(text, sentences);
  }

  /** A result of the server; see Live's `onMessage`. */
  take(message, offsetMs) {
    this.#delay.take(message, offsetMs, this.#recordedMs);
    this.#advice.take(message);
  }

  /** The state of the connection. */
  showConnection(state) {
    this.#delay.isConnected = state === "connected";
    if (state !== "connecting") this.#advice.isWaiting = state === "waiting";
  }

  /** The next frame of sound: Int16Array, its level from 0 to 1; how much was recorded with it, and not yet sent. */
  hear(samples, level, { recordedMs, unsentMs }) {
    this.#recordedMs = recordedMs;
    $("level").value = Math.sqrt(level); // as loud as it sounds rather than as high as the wave goes
    $("clock").textContent = clockText(recordedMs);
    this.#advice.hear(samples, level, recordedMs);
    if (this.#hasDelay) this.#delay.tick(unsentMs);
  }

  #show() {
    const isSeen = this.#isSpeaking || isFullScreen();
    $("captions").hidden = !isSeen;
    $("stage").classList.toggle("speaking", isSeen);
  }
}
