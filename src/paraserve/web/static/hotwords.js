/** Reads the field of words to expect. */
const USUAL_WEIGHT = 20;
const PARTS = /[\r\n,，、;；]+/;
/** A line of FunASR's page and of its hotword file: a word, or several that are one, and a weight. */
const LINE = /^(.*[^\s:：])[:：]?\s+(\d+(?:\.\d+)?)$/;
const WEIGHTED = /^(.*\S)[:：](\d+(?:\.\d+)?)$/;

/** Words and weights of a text: {word: weight}. A line that ends in a number is one word, others are words with spaces. */
export function readHotwords(text) {
  return Object.fromEntries(text.split(PARTS).map((part) => part.trim()).filter(Boolean).flatMap(wordsOf));
}

function wordsOf(part) {
  const line = LINE.exec(part);
  if (line) return [weighted(line)];
  return part.split(/\s+/).map((word) => weighted(WEIGHTED.exec(word) ?? [word, word, USUAL_WEIGHT]));
}

function weighted([, word, weight]) {
  return [word.replace(/\s+/g, " "), Number(weight)];
}
