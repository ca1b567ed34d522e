/** The text of sentences, as the server joins them (src/paraserve/inference/text/spaces.py). */

/** Scripts without spaces, for a character class of a RegExp with the flag u. */
export const UNSPACED =
  "\\u2e80-\\u312f\\u31a0-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\uff00-\\uffef\\u{20000}-\\u{3ffff}";
const MARKS_AT_END = /[。？！.?!，、；：,;:]+$/u;
const ENDS_UNSPACED = new RegExp(`[${UNSPACED}]$`, "u");
const BEGINS_UNSPACED = new RegExp(`^[${UNSPACED}]`, "u");

/** " " where words of a spaced script meet, else "". */
export function spaceBetween(text, following) {
  const left = text.replace(MARKS_AT_END, "");
  return !left || !following || ENDS_UNSPACED.test(left) || BEGINS_UNSPACED.test(following) ? "" : " ";
}

/**
 * The text of all sentences. Of split channels, each turn is a line behind the name of its channel: its number, if
 * `names` ({number: name}) has none.
 */
export function textOf(sentences, names = {}) {
  let [text, last, channel] = ["", "", null];
  for (const sentence of sentences) {
    const isTurn = hasChannel(sentence) && sentence.channel !== channel;
    if (isTurn) text += (text && "\n") + labelled(sentence.channel, names, sentence.text);
    else text += spaceBetween(last, sentence.text) + sentence.text;
    last = isTurn ? sentence.text : sentence.text || last;
    channel = sentence.channel ?? null;
  }
  return text;
}

export function hasChannel(sentence) {
  return sentence.channel !== undefined && sentence.channel !== null;
}

/** A text behind the name of its channel, from 0: "[1] text". */
export function labelled(channel, names, text) {
  return `[${names[channel] ?? channel}] ${text}`;
}
