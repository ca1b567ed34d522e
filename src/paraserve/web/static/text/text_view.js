/** The text of a recording: paragraphs of words that can be played, and the partial text behind them. */
import { say } from "../words/words.js";
import { paragraphsOf } from "../transcripts/paragraphs.js";
import { Following } from "./following.js";
import { SentenceTimes } from "./sentence_times.js";
import { addSentences, fillSentence, nameChannel, paragraphNode } from "./text_nodes.js";

const MARGIN_MS = 100; // heard before and after a word

export class TextView {
  root;
  sentences = [];
  #final;
  #shown = []; // paragraphs: {sentences, node}
  #nodes = new WeakMap(); // sentence to element
  #times = new SentenceTimes([]);
  #played = null;
  #following;
  #onPlay;
  #channelName;
  #hotwords = null;

  /**
   * `onPlay(startMs, endMs)` is called for what is to be heard, `channelName(number)` gives the name of a channel.
   */
  constructor(root, onPlay, channelName) {
    this.root = root;
    this.#final = root.querySelector(".final");
    this.#onPlay = onPlay;
    this.#channelName = channelName;
    this.#following = new Following(root);
    root.addEventListener("click", (event) => this.#clicked(event.target));
  }

  showPartial(text) {
    this.#find(".partial").textContent = text;
    this.#following.end();
  }

  /** Say why there is no text; see `say`. */
  showReason(key) {
    say(this.#find(".partial"), key);
  }

  /** Let the end of the text stay in sight while it grows. */
  set isGrowing(isGrowing) {
    this.#following.followsEnd = isGrowing;
    this.#final.ariaLive = isGrowing ? "polite" : "off"; // a whole transcript is not read out
  }

  /** Show these sentences. Paragraphs that are the same stay as they are, with whatever is edited in them. */
  show(sentences) {
    const paragraphs = paragraphsOf(sentences);
    const old = this.#shown;
    let [head, tail] = [0, 0];
    while (head < old.length && head < paragraphs.length && isSame(old[head].sentences, paragraphs[head])) head += 1;
    const most = Math.min(old.length, paragraphs.length) - head;
    while (tail < most && isSame(old.at(-1 - tail).sentences, paragraphs.at(-1 - tail))) tail += 1;
    const grows = head < old.length && head < paragraphs.length && isBeginning(old[head].sentences, paragraphs[head]);
    const kept = grows ? [this.#grown(old[head], paragraphs[head])] : [];
    const first = head + kept.length;
    const fresh = paragraphs
      .slice(first, paragraphs.length - tail)
      .map((some, n) => this.#made(some, paragraphs[first + n - 1]?.at(-1)));
    for (const { node } of old.slice(first, old.length - tail)) node.remove();
    const next = tail ? old.at(-tail).node : null;
    const added = document.createDocumentFragment();
    added.append(...fresh.map(({ node }) => node));
    this.#final.insertBefore(added, next);
    this.#shown = [...old.slice(0, head), ...kept, ...fresh, ...old.slice(old.length - tail)];
    this.sentences = [...sentences];
    this.#times = new SentenceTimes(this.sentences);
    this.#following.end();
  }

  /** Mark these words as hotwords: a RegExp, or null. */
  markHotwords(pattern) {
    if (String(pattern) === String(this.#hotwords)) return;
    this.#hotwords = pattern;
    for (const sentence of this.sentences) fillSentence(this.nodeOf(sentence), sentence, pattern);
  }

  /** Names of channels have changed. */
  nameChannels() {
    for (const node of this.#final.querySelectorAll(".channel")) {
      nameChannel(node, this.#channelName(Number(node.dataset.channel)));
    }
  }

  /** Mark the word that is played at a time; null: none. `isPlaying`: it is kept in sight. */
  mark(atMs, isPlaying) {
    const place = atMs === null ? null : this.#times.at(atMs);
    const node = place && this.nodeOf(place.sentence);
    const word = node?.querySelectorAll(".word")[place.word] ?? null;
    if (word !== this.#played) {
      this.#played?.classList.remove("played");
      word?.classList.add("played");
      this.#played = word;
    }
    if (isPlaying && word) this.#following.see(word);
  }

  /** The sentence that is played at a time, or the last one before it. */
  sentenceAt(atMs) {
    return this.#times.before(atMs);
  }

  nodeOf(sentence) {
    return this.#nodes.get(sentence);
  }

  /** The sentence that an element is part of, null if of none. */
  sentenceOf(element) {
    const node = element?.closest?.(".sentence");
    return node ? (this.sentences.find((sentence) => this.nodeOf(sentence) === node) ?? null) : null;
  }

  /** Put the words back into a sentence's element. */
  restore(sentence) {
    fillSentence(this.nodeOf(sentence), sentence, this.#hotwords);
  }

  /** Bring an element of the text into sight. */
  reveal(element) {
    this.#following.reveal(element);
  }

  playWord(word) {
    this.#onPlay(Number(word.dataset.start) - MARGIN_MS, Number(word.dataset.end) + MARGIN_MS);
  }

  #clicked(element) {
    const isSelecting = !getSelection().isCollapsed && !element.matches(".time");
    if (isSelecting || element.closest(".editing")) return;
    if (element.matches(".word")) this.playWord(element);
    if (element.matches(".time")) this.#onPlay(Number(element.dataset.start), Infinity);
  }

  #made(sentences, before = null) {
    const node = paragraphNode(sentences[0], this.#channelName);
    addSentences(node, before, sentences, this.#nodes, this.#hotwords);
    return { sentences, node };
  }

  #grown({ sentences: old, node }, sentences) {
    addSentences(node, old.at(-1), sentences.slice(old.length), this.#nodes, this.#hotwords);
    return { sentences, node };
  }

  #find(selector) {
    return this.root.querySelector(selector);
  }
}

function isSame(one, other) {
  return one.length === other.length && isBeginning(one, other);
}

function isBeginning(one, other) {
  return one.length <= other.length && one.every((sentence, n) => sentence === other[n]);
}
