/** Elements of a text: paragraphs of sentences of words. */
import { hasChannel, spaceBetween } from "../transcripts/joining.js";
import { cutAt } from "../transcripts/transcript.js";
import { label, say } from "../words/words.js";
import { clockText } from "../sound/clock_text.js";

export const UNSURE = 0.5; // confidence below which a word is marked

const word = document.createElement("span");
word.className = "word";
word.tabIndex = -1; // reached by the arrow keys

/** An empty paragraph that begins with `sentence`. `channelName(number)` is what somebody called a channel. */
export function paragraphNode(sentence, channelName) {
  const node = document.createElement("div");
  node.className = "paragraph";
  if (sentence.start_ms !== null) node.append(timeNode(sentence.start_ms));
  if (hasChannel(sentence)) node.append(channelNode(sentence.channel, channelName));
  const body = document.createElement("p");
  body.className = "sentences";
  node.append(body);
  return node;
}

/** Add sentences to a paragraph; `before` is the one before them, or null. `nodes` gets sentence to element. */
export function addSentences(paragraph, before, sentences, nodes, hotwords) {
  const body = paragraph.lastElementChild;
  for (const sentence of sentences) {
    const space = before ? spaceBetween(before.text, sentence.text) : "";
    const node = document.createElement("span");
    node.className = "sentence";
    fillSentence(node, sentence, hotwords);
    nodes.set(sentence, node);
    body.append(space, node);
    before = sentence;
  }
}

/** `hotwords`: a RegExp of those that were found, or null. */
export function fillSentence(node, sentence, hotwords) {
  const hot = hotwords ? [...sentence.text.matchAll(hotwords)] : [];
  const timed = sentence.tokens.filter((token) => token.start_ms !== null);
  let at = 0;
  const parts = cutAt(sentence.text, timed).map(({ text, part }) => {
    const [start, end] = [at, (at += text.length)];
    return part ? wordNode(text, part, hot.find((m) => m.index < end && start < m.index + m[0].length)) : text;
  });
  node.replaceChildren(...parts);
}

function wordNode(text, token, hot) {
  const node = word.cloneNode();
  node.dataset.start = token.start_ms;
  node.dataset.end = token.end_ms;
  node.textContent = text;
  if (token.confidence < UNSURE) node.classList.add("unsure");
  if (hot) {
    node.classList.add("hot");
    node.title = hot[0];
  }
  return node;
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

function channelNode(channel, channelName) {
  const node = document.createElement("span");
  node.className = "channel";
  node.dataset.channel = channel;
  nameChannel(node, channelName(channel));
  return node;
}

/** Show the name that somebody gave to a channel, or its number. */
export function nameChannel(node, name) {
  if (name) {
    delete node.dataset.say;
    node.textContent = name;
  } else say(node, "channel", { channel: Number(node.dataset.channel) });
}

/** Place in the sentence's text of a place in one of its text nodes. */
export function offsetIn(node, container, offset) {
  const range = document.createRange();
  range.setStart(node, 0);
  range.setEnd(container, offset);
  return range.toString().length;
}

/** The stretch of a sentence's element from one place of its text to another. */
export function rangeIn(node, start, end) {
  const range = document.createRange();
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  let at = 0;
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const next = at + text.length;
    if (at <= start && start <= next) range.setStart(text, start - at);
    if (at < end && end <= next) range.setEnd(text, end - at);
    at = next;
  }
  return range;
}
