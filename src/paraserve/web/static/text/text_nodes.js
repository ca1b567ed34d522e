/** The words of a sentence as elements, and places in them. */
import { cutAt } from "../transcripts/transcript.js";

export const UNSURE = 0.5; // confidence below which a word is marked

const word = document.createElement("span");
word.className = "word";
word.tabIndex = -1; // reached by the arrow keys

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
