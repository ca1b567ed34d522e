/**
 * One paragraph of a text. Its words are elements only while it is near what is seen: a text of three hours has 30,000.
 * Without them it is plain text, which the browser's own search finds.
 */
import { clockText } from "../sound/clock_text.js";
import { hasChannel, spaceBetween } from "../transcripts/joining.js";
import { label, say } from "../words/words.js";
import { fillSentence } from "./text_nodes.js";

const LINE_PX = 30;
const CHAR_PX = 9;
const MARGIN_PX = 64; // for the time
const WIDE = /[\u2e80-\uffef]/gu;

export class Paragraph {
  sentences = [];
  node = document.createElement("div");
  isFilled = false;
  #body = document.createElement("p");
  #nodes = new Map(); // sentence to element
  #before;
  #look;

  /**
   * `before`: the sentence before it, or undefined. `look`: {channelName(number), hotwords}, what somebody called a
   * channel, and a RegExp of the hotwords that were found, or null.
   */
  constructor(sentences, before, look) {
    const [first] = sentences;
    this.#before = before;
    this.#look = look;
    this.node.className = "paragraph";
    this.#body.className = "sentences";
    if (first.start_ms !== null) this.node.append(timeNode(first.start_ms));
    if (hasChannel(first)) this.node.append(channelNode(first.channel));
    this.node.append(this.#body);
    this.nameChannel();
    this.add(sentences);
  }

  /** Add sentences at its end. */
  add(sentences) {
    const before = this.sentences.at(-1) ?? this.#before;
    this.sentences = [...this.sentences, ...sentences];
    if (this.isFilled) this.#append(sentences, before);
    else this.#body.textContent = this.#plainText();
  }

  /** Make elements of its words. */
  fill() {
    if (this.isFilled) return;
    this.isFilled = true;
    this.#body.textContent = "";
    this.#append(this.sentences, this.#before);
  }

  /** Make plain text of it, unless somebody is in it. */
  empty() {
    if (!this.isFilled || this.node.contains(document.activeElement)) return;
    this.isFilled = false;
    this.#nodes.clear();
    this.#body.textContent = this.#plainText();
  }

  /** The element of a sentence. */
  nodeOf(sentence) {
    this.fill();
    return this.#nodes.get(sentence);
  }

  /** Show a sentence again as it is. */
  refresh(sentence) {
    fillSentence(this.nodeOf(sentence), sentence, this.#look.hotwords);
  }

  nameChannel() {
    const node = this.node.querySelector(".channel");
    if (!node) return;
    const { channel } = this.sentences[0] ?? { channel: Number(node.dataset.channel) };
    const name = this.#look.channelName(channel);
    if (name) {
      delete node.dataset.say;
      node.textContent = name;
    } else say(node, "channel", { channel });
  }

  /** Let the browser draw it only when it is seen, and leave about as much room as it will need until then. */
  drawLate(widthPx) {
    this.node.classList.add("late");
    const text = this.#plainText();
    const chars = text.length + (text.match(WIDE)?.length ?? 0);
    const lines = Math.ceil((chars * CHAR_PX) / Math.max(CHAR_PX, widthPx - MARGIN_PX));
    this.node.style.containIntrinsicSize = `auto ${lines * LINE_PX + LINE_PX / 3}px`;
  }

  #append(sentences, before) {
    for (const sentence of sentences) {
      const node = document.createElement("span");
      node.className = "sentence";
      fillSentence(node, sentence, this.#look.hotwords);
      this.#nodes.set(sentence, node);
      this.#body.append(space(before, sentence), node);
      before = sentence;
    }
  }

  #plainText() {
    let before = this.#before;
    return this.sentences.reduce((text, sentence) => {
      const added = text + space(before, sentence) + sentence.text;
      before = sentence;
      return added;
    }, "");
  }
}

function space(before, sentence) {
  return before ? spaceBetween(before.text, sentence.text) : "";
}

/** What it shows is not part of the text: neither of a selection nor of what is searched. */
function timeNode(startMs) {
  const node = document.createElement("button");
  node.type = "button";
  node.className = "time";
  node.tabIndex = -1; // a thousand stops on the way to the next control; words are reached by the arrow keys
  node.dataset.time = clockText(startMs);
  node.dataset.start = startMs;
  label(node, "play.from", { time: node.dataset.time });
  return node;
}

function channelNode(channel) {
  const node = document.createElement("span");
  node.className = "channel";
  node.dataset.channel = channel;
  return node;
}
