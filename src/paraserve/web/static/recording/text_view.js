/** The text of a recording: final sentences of words that can be played, and the partial text behind them. */
import { say } from "../words/words.js";
import { cutAt } from "../transcripts/transcript.js";

const MARGIN_MS = 100; // heard before and after a word

export class TextView {
  #root;
  #words = []; // elements in order
  #played = null;
  #onPlay;

  /** `onPlay(startMs, endMs)` is called for a word that is to be heard. */
  constructor(root, onPlay) {
    this.#root = root;
    this.#onPlay = onPlay;
    root.addEventListener("click", (event) => this.#playWord(event.target));
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Show no text any more. */
  clear() {
    this.#find(".final").replaceChildren();
    say(this.#find(".partial"), null);
    this.#words = [];
  }

  showPartial(text) {
    this.#find(".partial").textContent = text;
  }

  /** Say why there is no text; see `say`. */
  showReason(key) {
    say(this.#find(".partial"), key);
  }

  /** Add a final text with its sentences. */
  append(text, sentences) {
    const nodes = cutAt(text, sentences).map(({ text: piece, part }) => (part ? sentenceNode(part) : piece));
    this.#find(".final").append(...nodes);
    this.#words = [...this.#root.querySelectorAll(".word")];
  }

  /** Mark the word that is played at a time; null: none. */
  mark(atMs) {
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
    this.#onPlay(Number(word.dataset.start) - MARGIN_MS, Number(word.dataset.end) + MARGIN_MS);
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

  #find(selector) {
    return this.#root.querySelector(selector);
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
