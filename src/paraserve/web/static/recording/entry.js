/** One recording on the page: its waveform, its text, and what can be done with it. */
import { label, localise, noticeWords, plainWords, say } from "../words/words.js";
import { listenToActions } from "./actions.js";
import { TextView } from "./text_view.js";
import { Waveform } from "./waveform.js";

export class Entry {
  recording;
  onCancel = () => {};
  /** Called after each change of `recording`. */
  onChange = () => {};
  #root;
  #player;
  #source;
  #playing = null;
  #waveform;
  #text;
  #isLive = false;
  #hasSpeech = false;
  #hotwords = new Map(); // word to number of times
  #ignored = new Set();

  /** `recording`: see recording.js. `player` is the page's. */
  constructor(recording, player) {
    this.recording = recording;
    this.#player = player;
    const kept = { blob: recording.sound };
    this.#source = () => (kept.blob ? kept : null);
    this.#root = document.getElementById("entry").content.firstElementChild.cloneNode(true);
    localise(this.#root);
    this.#waveform = new Waveform(this.#find(".wave"));
    this.#text = new TextView(this.#find(".text"), (startMs, endMs) => this.#play(startMs, endMs));
    this.#showTitle();
    this.#listen();
    document.getElementById("entries").prepend(this.#root);
    document.getElementById("hint").hidden = true;
  }

  /** What is heard on request: `source()` gives {blob}; the same object as long as the sound is the same. */
  set source(source) {
    this.#source = source;
  }

  /** Keep the sound of a recording that has ended, and offer it as a file. */
  offerSound(blob) {
    this.#update({ sound: blob });
    this.#find(".wav").hidden = false;
  }

  /** `sound`: {peaks, durationMs, isLive}. */
  showSound({ peaks, durationMs, isLive }) {
    this.#isLive = isLive;
    this.#update({ peaks, durationMs });
    this.#waveform.show({ peaks, durationMs, isLive, sentences: this.recording.transcript.sentences });
  }

  /** What is being done; `fraction` null: nobody knows how long it takes. No key: all is done. */
  showProgress(key, values = {}, fraction = null) {
    this.#find(".work").hidden = !key;
    say(this.#find(".doing"), key, values);
    const bar = this.#find("progress");
    if (fraction === null) bar.removeAttribute("value");
    else bar.value = fraction;
  }

  showPartial(text) {
    this.#text.showPartial(text);
  }

  /** Add a final text with its sentences. */
  append(text, sentences) {
    const { transcript, peaks, durationMs } = this.recording;
    const added = transcript.text ? text : text.trimStart();
    transcript.text += added;
    transcript.sentences.push(...sentences);
    this.#text.append(added, sentences);
    this.showSound({ peaks, durationMs, isLive: this.#isLive });
  }

  /** The server's transcript of a file. */
  showTranscript(transcript) {
    this.append(transcript.text, transcript.sentences);
    this.#update({ transcript });
    this.showHeard(transcript);
    this.showHotwords(transcript);
    this.finish();
  }

  /**
   * What the server says of the speech so far: {speech_ms, recognized_ms, notice}, all absent if it was understood, and
   * {audio_quality}, whose hints are shown.
   */
  showHeard(answer) {
    this.#hasSpeech ||= answer.speech_ms > 0;
    this.#find(".notice").hidden = !answer.notice;
    if (answer.notice) say(this.#find(".notice"), ...noticeWords(answer));
    const hints = answer.audio_quality?.hints;
    if (!hints) return;
    for (const line of this.#root.querySelectorAll("[data-hint]")) line.hidden = !hints.includes(line.dataset.hint);
  }

  /** Hotwords of a text: those that it has, and those that have no effect. Absent: there were none. */
  showHotwords({ hotwords = [], hotwords_ignored = [] }) {
    for (const { text } of hotwords) this.#hotwords.set(text, (this.#hotwords.get(text) ?? 0) + 1);
    for (const { text } of hotwords_ignored) this.#ignored.add(text);
    const found = [...this.#hotwords].map(([text, times]) => (times > 1 ? `${text} ×${times}` : text));
    const line = this.#find(".hotwords");
    line.hidden = !found.length && !this.#ignored.size;
    const which = this.#ignored.size ? (found.length ? "both" : "ignored") : "found";
    say(line, `hotwords.${which}`, { found: found.join(", "), ignored: [...this.#ignored].join(", ") });
  }

  /** Nothing more comes; if nothing came at all, `why` is said. */
  finish(why = "nothing") {
    this.showProgress(null);
    this.#update({ state: "done" });
    const isTold = this.recording.transcript.text || !this.#find(".problem").hidden || !this.#find(".notice").hidden;
    if (!isTold) this.#text.showReason(why === "nothing" && this.#hasSpeech ? "no_words" : why);
  }

  /** `error`: {code, message}. */
  showError(error) {
    this.showProgress(null);
    this.#update({ error: { code: error.code, message: error.message } });
    this.#find(".problem").hidden = false;
    say(this.#find(".problem"), ...plainWords(error));
  }

  /** Stop what is being done and take it off the page. */
  remove() {
    this.onCancel();
    if (this.#playing) this.#player.stop();
    this.#root.remove();
    document.getElementById("hint").hidden = document.getElementById("entries").childElementCount > 0;
  }

  #update(changes) {
    Object.assign(this.recording, changes);
    this.onChange();
  }

  #showTitle() {
    const { title } = this.recording;
    if (typeof title === "string") this.#find(".title").textContent = title;
    else say(this.#find(".title"), title.key, title.values);
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }

  #listen() {
    this.#find(".cancel").addEventListener("click", () => this.onCancel());
    this.#find(".play").addEventListener("click", () => this.#toggle());
    this.#find(".wave").addEventListener("click", (event) => this.#play(this.#waveform.timeAt(event.clientX)));
    this.#find(".remove").addEventListener("click", () => this.remove());
    listenToActions(this.#root, this.recording);
  }

  #toggle() {
    if (this.#playing && this.#player.isPlaying(this.#playing)) this.#player.stop();
    else this.#play(0);
  }

  async #play(startMs, endMs = Infinity) {
    this.#playing = this.#source();
    if (!this.#playing) return;
    try {
      await this.#player.play(this.#playing, Math.max(0, startMs), endMs, (atMs) => this.#showPlace(atMs));
    } catch (error) {
      if (error.name === "NotSupportedError") this.showError({ code: "no_playing" });
      else if (error.name !== "AbortError") throw error; // another word was clicked
    }
  }

  #showPlace(atMs) {
    this.#waveform.mark(atMs);
    const button = this.#find(".play");
    button.textContent = atMs === null ? "▶" : "■";
    label(button, atMs === null ? "play" : "pause");
    this.#text.mark(atMs);
  }
}
