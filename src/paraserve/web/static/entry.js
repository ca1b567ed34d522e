/** One recording on the page: its waveform, its text, and what can be done with it. */
import { label, localise, noticeWords, plainWords, say } from "./strings.js";
import { cutAt, emptyTranscript, FORMATS } from "./transcript.js";
import { Waveform } from "./waveform.js";

const MARGIN_MS = 100; // heard before and after a word
const DONE_MS = 2000;

export class Entry {
  transcript = emptyTranscript();
  onCancel = () => {};
  #root;
  #name;
  #player;
  #source = () => null;
  #playing = null;
  #waveform;
  #words = []; // elements in order
  #played = null;
  #sound = { peaks: [], durationMs: 0, isLive: false };
  #hasSpeech = false;
  #hotwords = new Map(); // word to number of times
  #ignored = new Set();

  /** `name` begins the names of downloaded files. `player` is the page's. */
  constructor(name, player) {
    this.#name = name;
    this.#player = player;
    this.#root = document.getElementById("entry").content.firstElementChild.cloneNode(true);
    localise(this.#root);
    this.#waveform = new Waveform(this.#find(".wave"));
    this.#listen();
    document.getElementById("entries").prepend(this.#root);
    document.getElementById("hint").hidden = true;
  }

  get title() {
    return this.#find(".title");
  }

  /** What is heard on request: `source()` gives {blob}; the same object as long as the sound is the same. */
  set source(source) {
    this.#source = source;
  }

  /** Let the sound be saved; files are there already. */
  offerSound() {
    this.#find(".wav").hidden = false;
  }

  /** `sound`: {peaks, durationMs, isLive}. */
  showSound(sound) {
    this.#sound = sound;
    this.#waveform.show({ ...sound, sentences: this.transcript.sentences });
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
    this.#find(".partial").textContent = text;
  }

  /** Add a final text with its sentences. */
  append(text, sentences) {
    const { transcript } = this;
    const added = transcript.text ? text : text.trimStart();
    transcript.text += added;
    transcript.sentences.push(...sentences);
    const nodes = cutAt(added, sentences).map(({ text: piece, part }) => (part ? sentenceNode(part) : piece));
    this.#find(".final").append(...nodes);
    this.#words = [...this.#root.querySelectorAll(".word")];
    this.showSound(this.#sound);
  }

  /** The server's transcript of a file. */
  showTranscript(transcript) {
    this.append(transcript.text, transcript.sentences);
    this.transcript = transcript;
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
    const isTold = this.transcript.text || !this.#find(".problem").hidden || !this.#find(".notice").hidden;
    if (!isTold) say(this.#find(".partial"), why === "nothing" && this.#hasSpeech ? "no_words" : why);
  }

  /** `error`: {code, message}. */
  showError(error) {
    this.showProgress(null);
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

  #find(selector) {
    return this.#root.querySelector(selector);
  }

  #listen() {
    this.#find(".cancel").addEventListener("click", () => this.onCancel());
    this.#find(".play").addEventListener("click", () => this.#toggle());
    this.#find(".wave").addEventListener("click", (event) => this.#play(this.#waveform.timeAt(event.clientX)));
    this.#find(".text").addEventListener("click", (event) => this.#playWord(event.target));
    this.#find(".text").addEventListener("keydown", (event) => this.#key(event));
    this.#find(".copy").addEventListener("click", () => this.#copy());
    this.#find(".remove").addEventListener("click", () => this.remove());
    this.#find(".wav").addEventListener("click", () => this.#save("wav", this.#source().blob));
    for (const button of this.#root.querySelectorAll("[data-format]")) {
      button.addEventListener("click", () => this.#download(button.dataset.format));
    }
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
    const word = atMs === null ? null : this.#wordAt(atMs);
    if (word === this.#played) return;
    this.#played?.classList.remove("played");
    word?.classList.add("played");
    this.#played = word;
  }

  /** Words are in the order of time: halve until one is left. */
  #wordAt(atMs) {
    let [low, high] = [0, this.#words.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Number(this.#words[middle].dataset.end) > atMs) high = middle;
      else low = middle + 1;
    }
    const word = this.#words[low];
    return word && Number(word.dataset.start) <= atMs ? word : null;
  }

  #playWord(word) {
    if (!word.matches(".word")) return;
    this.#play(Number(word.dataset.start) - MARGIN_MS, Number(word.dataset.end) + MARGIN_MS);
  }

  #key(event) {
    const words = this.#words;
    const at = words.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) words[Math.max(0, Math.min(words.length - 1, at + step))]?.focus();
    else if (event.key === "Enter" || event.key === " ") this.#playWord(event.target);
    else return;
    event.preventDefault();
  }

  async #copy() {
    if (navigator.clipboard) await navigator.clipboard.writeText(this.transcript.text);
    else copyOldWay(this.#find(".final")); // pages without https
    const done = this.#find(".done");
    say(done, "copied");
    setTimeout(() => say(done, null), DONE_MS);
  }

  #download(format) {
    const { write, type } = FORMATS[format];
    this.#save(format, new Blob([write(this.transcript)], { type }));
  }

  #save(ending, blob) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${this.#name}.${ending}`;
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

function sentenceNode(sentence) {
  const node = document.createElement("span");
  node.className = "sentence";
  const timed = sentence.tokens.filter((token) => token.start_ms !== null);
  node.append(...cutAt(sentence.text, timed).map(({ text, part }) => (part ? wordNode(part) : text)));
  return node;
}

function wordNode(token) {
  const node = document.createElement("span");
  node.className = "word";
  node.tabIndex = -1; // reached by the arrow keys
  node.dataset.start = token.start_ms;
  node.dataset.end = token.end_ms;
  node.textContent = token.text;
  return node;
}

function copyOldWay(element) {
  getSelection().selectAllChildren(element);
  document.execCommand("copy");
  getSelection().removeAllRanges();
}
