/** The text of a recording: paragraphs of words that can be played, and the partial text behind them. */
import { say } from "../words/words.js";
import { paragraphsOf } from "../transcripts/paragraphs.js";
import { Following } from "./following.js";
import { Paragraph } from "./paragraph.js";
import { SentenceTimes } from "./sentence_times.js";

const MARGIN_MS = 100; // heard before and after a word
const FEW = 50; // paragraphs that can all have their words as elements
const NEAR = "100%"; // of the height that is seen, above and below it

export class TextView {
  root;
  sentences = [];
  /** Called when other paragraphs than before have their words. */
  onFilled = () => {};
  #final;
  #shown = []; // paragraphs
  #byNode = new WeakMap();
  #bySentence = new WeakMap();
  #times = new SentenceTimes([]);
  #played = null;
  #following;
  #near;
  #onPlay;
  #look;

  /**
   * `onPlay(startMs, endMs)` is called for what is to be heard, `channelName(number)` gives what somebody called a
   * channel.
   */
  constructor(root, onPlay, channelName) {
    this.root = root;
    this.#final = root.querySelector(".final");
    this.#onPlay = onPlay;
    this.#look = { channelName, hotwords: null };
    this.#following = new Following(root);
    this.#near = new IntersectionObserver((seen) => this.#seen(seen), { root, rootMargin: `${NEAR} 0px` });
    root.addEventListener("click", (event) => this.#clicked(event.target));
  }

  showPartial(text) {
    this.root.querySelector(".partial").textContent = text;
    this.#following.end();
  }

  /** Say why there is no text; see `say`. */
  showReason(key) {
    say(this.root.querySelector(".partial"), key);
  }

  /** Let the end of the text stay in sight while it grows. */
  set isGrowing(isGrowing) {
    this.#following.followsEnd = isGrowing;
    this.#final.ariaLive = isGrowing ? "polite" : "off"; // a whole transcript is not read out
  }

  /** Show these sentences. Paragraphs that are the same stay as they are, with whatever is edited in them. */
  show(sentences) {
    const wanted = paragraphsOf(sentences);
    const old = this.#shown;
    let [head, tail] = [0, 0];
    while (head < old.length && head < wanted.length && isSame(old[head].sentences, wanted[head])) head += 1;
    const most = Math.min(old.length, wanted.length) - head;
    while (tail < most && isSame(old.at(-1 - tail).sentences, wanted.at(-1 - tail))) tail += 1;
    if (most > 0 && isBeginning(old[head].sentences, wanted[head])) {
      this.#adopt(old[head], wanted[head].slice(old[head].sentences.length));
      head += 1;
    }
    const fresh = wanted
      .slice(head, wanted.length - tail)
      .map((some, n) => this.#made(some, wanted[head + n - 1]?.at(-1), wanted.length <= FEW));
    const next = tail ? old.at(-tail).node : null;
    for (const { node } of old.slice(head, old.length - tail)) node.remove();
    const added = document.createDocumentFragment();
    added.append(...fresh.map(({ node }) => node));
    this.#final.insertBefore(added, next);
    this.#shown = [...old.slice(0, head), ...fresh, ...old.slice(old.length - tail)];
    this.sentences = [...sentences];
    this.#times = new SentenceTimes(this.sentences);
    this.#following.end();
  }

  /** Mark these words as hotwords: a RegExp, or null. */
  markHotwords(pattern) {
    if (String(pattern) === String(this.#look.hotwords)) return;
    this.#look.hotwords = pattern;
    for (const paragraph of this.#shown.filter(({ isFilled }) => isFilled)) {
      for (const sentence of paragraph.sentences) paragraph.refresh(sentence);
    }
  }

  /** Names of channels have changed. */
  nameChannels() {
    for (const paragraph of this.#shown) paragraph.nameChannel();
  }

  /** Mark the word that is played at a time; null: none. `isPlaying`: it is kept in sight. */
  mark(atMs, isPlaying) {
    const word = atMs === null ? null : this.wordAt(atMs);
    if (word !== this.#played) {
      this.#played?.classList.remove("played");
      word?.classList.add("played");
      this.#played = word;
    }
    if (isPlaying && word) this.#following.see(word);
  }

  /** The element of the word that is said at a time, null where there is none. */
  wordAt(atMs) {
    const place = this.#times.at(atMs);
    return (place && this.nodeOf(place.sentence).querySelectorAll(".word")[place.word]) ?? null;
  }

  /** The sentence that is played at a time, or the last one before it. */
  sentenceAt(atMs) {
    return this.#times.before(atMs);
  }

  nodeOf(sentence) {
    return this.#bySentence.get(sentence)?.nodeOf(sentence);
  }

  /** Whether the words of a sentence are elements now. */
  isFilled(sentence) {
    return this.#bySentence.get(sentence).isFilled;
  }

  /** The sentence that an element is part of, null if of none. */
  sentenceOf(element) {
    const node = element?.closest?.(".sentence");
    const paragraph = node && this.#byNode.get(node.closest(".paragraph"));
    return paragraph?.sentences.find((sentence) => paragraph.nodeOf(sentence) === node) ?? null;
  }

  /** Put the words back into a sentence's element. */
  refresh(sentence) {
    this.#bySentence.get(sentence).refresh(sentence);
  }

  /** Bring an element, or a Range, into sight. */
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

  #made(sentences, before, isOneOfFew) {
    const paragraph = new Paragraph(sentences, before, this.#look);
    this.#byNode.set(paragraph.node, paragraph);
    for (const sentence of sentences) this.#bySentence.set(sentence, paragraph);
    if (isOneOfFew) paragraph.fill();
    else {
      paragraph.drawLate(this.root.clientWidth);
      this.#near.observe(paragraph.node);
    }
    return paragraph;
  }

  #adopt(paragraph, sentences) {
    for (const sentence of sentences) this.#bySentence.set(sentence, paragraph);
    if (sentences.length) paragraph.add(sentences);
  }

  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const paragraph = this.#byNode.get(target);
      if (isIntersecting) paragraph.fill();
      else paragraph.empty();
    }
    this.onFilled();
  }
}

function isSame(one, other) {
  return one.length === other.length && isBeginning(one, other);
}

function isBeginning(one, other) {
  return one.length <= other.length && one.every((sentence, n) => sentence === other[n]);
}
