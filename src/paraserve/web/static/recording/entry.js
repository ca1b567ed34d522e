/** One recording on the page: its waveform, its text, and what can be done with it. */
import { PEAKS_PER_S } from "../client/recording.js";
import { emptyTranscript } from "../transcripts/transcript.js";
import { label, localise, noticeWords, plainWords, say } from "../words/words.js";
import { listenToActions } from "./actions.js";
import { TextView } from "./text_view.js";
import { Waveform } from "./waveform.js";

export class Entry {
  recording;
  onCancel = () => {};
  onRemove = () => this.remove();
  /** The sound is to be transcribed again. */
  onAgain = () => {};
  /** Called after each change of `recording`. */
  onChange = () => {};
  #root;
  #player;
  #source;
  #playing = null;
  #waveform;
  #text;
  #isLive = false;

  /**
   * `recording`: see recording.js; one that already has sound and text is shown with them. `player` is the page's,
   * `place` the element that the entry is put into, before others.
   */
  constructor(recording, player, place = document.getElementById("entries")) {
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
    place.prepend(this.#root);
    document.getElementById("hint").hidden = true;
    this.#showKept();
  }

  /** The element on the page. */
  get element() {
    return this.#root;
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

  /** `sound`: {peaks, durationMs, isLive, peaksPerS}, the last where it is not that of the microphone. */
  showSound({ peaks, durationMs, isLive, peaksPerS = PEAKS_PER_S }) {
    this.#isLive = isLive;
    this.#update({ peaks, durationMs, peaksPerS });
    this.#drawSound();
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
    const { transcript } = this.recording;
    const added = transcript.text ? text : text.trimStart();
    transcript.text += added;
    transcript.sentences.push(...sentences);
    this.#text.append(added, sentences);
    this.#drawSound();
    this.onChange();
  }

  /** Forget all texts and what went wrong, since all is done again. */
  startOver() {
    this.#update({ transcript: emptyTranscript(), error: null, ending: null, state: "working" });
    this.#text.clear();
    this.#showProblem();
  }

  /** The server's transcript of a file, whose sentences may have been appended already. */
  showTranscript(transcript) {
    if (!isShown(this.recording.transcript.sentences, transcript.sentences)) {
      this.startOver();
      this.append(transcript.text, transcript.sentences);
    }
    this.#update({ transcript });
    this.showHeard(transcript);
    this.showHotwords(transcript);
    this.finish();
  }

  /**
   * What the server says of the speech so far: {speech_ms, recognized_ms, notice}, all absent if it was understood, and
   * {audio_quality}, whose hints are shown.
   */
  showHeard({ speech_ms = 0, recognized_ms = 0, notice = null, audio_quality }) {
    const hints = audio_quality?.hints ?? this.recording.heard.hints;
    this.#update({ heard: { speech_ms: speech_ms || this.recording.heard.speech_ms, recognized_ms, notice, hints } });
    this.#showNotice();
  }

  /** Hotwords of a text: those that it has, and those that have no effect. Absent: there were none. */
  showHotwords({ hotwords = [], hotwords_ignored = [] }) {
    if (!hotwords.length && !hotwords_ignored.length) return;
    const found = { ...this.recording.hotwords.found };
    for (const { text } of hotwords) found[text] = (found[text] ?? 0) + 1;
    const ignored = [...new Set([...this.recording.hotwords.ignored, ...hotwords_ignored.map(({ text }) => text)])];
    this.#update({ hotwords: { found, ignored } });
    this.#showFoundWords();
  }

  /** Nothing more comes; if nothing came at all, `why` is said. */
  finish(why = "nothing") {
    this.showProgress(null);
    const { transcript, error, heard } = this.recording;
    const hasNoWords = why === "nothing" && heard.speech_ms > 0;
    const ending = transcript.text || error || heard.notice ? null : hasNoWords ? "no_words" : why;
    this.#update({ state: "done", ending });
    this.#showEnding();
  }

  /** `error`: {code, message}. */
  showError(error) {
    this.showProgress(null);
    this.#update({ error: { code: error.code, message: error.message } });
    this.#showProblem();
  }

  /** Stop what is being done and take it off the page. */
  remove() {
    this.onCancel();
    if (this.#playing) this.#player.stop();
    this.#root.remove();
    document.getElementById("hint").hidden = document.getElementById("entries").childElementCount > 0;
  }

  /** Give it a title of somebody's own. */
  rename(title) {
    this.#update({ title });
    this.#showTitle();
  }

  #update(changes) {
    Object.assign(this.recording, changes);
    this.#showAgain();
    this.onChange();
  }

  /** All that the recording has already, if it was kept. */
  #showKept() {
    const { transcript, sound, source } = this.recording;
    this.#text.append(transcript.text, transcript.sentences);
    this.#drawSound();
    this.#showNotice();
    this.#showFoundWords();
    this.#showProblem();
    this.#showEnding();
    this.#showAgain();
    this.#find(".wav").hidden = !sound || source !== "microphone";
  }

  #showAgain() {
    const { state, sound, error } = this.recording;
    const button = this.#find(".again");
    button.hidden = state !== "done" || !sound;
    button.classList.toggle("main", Boolean(error));
  }

  #drawSound() {
    const { peaks, peaksPerS, durationMs, transcript } = this.recording;
    this.#waveform.show({ peaks, peaksPerS, durationMs, isLive: this.#isLive, sentences: transcript.sentences });
  }

  #showNotice() {
    const { notice, hints, ...figures } = this.recording.heard;
    this.#find(".notice").hidden = !notice;
    if (notice) say(this.#find(".notice"), ...noticeWords({ notice, ...figures }));
    for (const line of this.#root.querySelectorAll("[data-hint]")) line.hidden = !hints.includes(line.dataset.hint);
  }

  #showFoundWords() {
    const { found, ignored } = this.recording.hotwords;
    const words = Object.entries(found).map(([text, times]) => (times > 1 ? `${text} ×${times}` : text));
    const line = this.#find(".hotwords");
    line.hidden = !words.length && !ignored.length;
    const which = ignored.length ? (words.length ? "both" : "ignored") : "found";
    say(line, `hotwords.${which}`, { found: words.join(", "), ignored: ignored.join(", ") });
  }

  #showProblem() {
    const { error } = this.recording;
    this.#find(".problem").hidden = !error;
    if (error) say(this.#find(".problem"), ...plainWords(error));
  }

  #showEnding() {
    if (this.recording.ending) this.#text.showReason(this.recording.ending);
  }

  #showTitle() {
    const { title } = this.recording;
    const line = this.#find(".title");
    if (typeof title !== "string") {
      say(line, title.key, title.values);
      return;
    }
    delete line.dataset.say; // it may have been a text of the page's own
    line.textContent = title;
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }

  #listen() {
    this.#find(".cancel").addEventListener("click", () => this.onCancel());
    this.#find(".play").addEventListener("click", () => this.#toggle());
    this.#find(".wave").addEventListener("click", (event) => this.#play(this.#waveform.timeAt(event.clientX)));
    this.#find(".remove").addEventListener("click", () => this.onRemove());
    this.#find(".again").addEventListener("click", () => this.onAgain());
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

/** Whether all of these texts are there. */
function isShown(shown, sentences) {
  return shown.length === sentences.length && sentences.every(({ text }, n) => text === shown[n].text);
}
