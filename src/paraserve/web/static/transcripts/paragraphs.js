/** Paragraphs of a transcript: they end where the channel changes, at long pauses, and where they become long. */
import { UNSPACED } from "./joining.js";

const PAUSE_MS = 2000;
const LONGEST = 400; // characters; one of a script without spaces counts as much as
const UNSPACED_CHARS = 2.5;
const ALL_UNSPACED = new RegExp(`[${UNSPACED}]`, "gu");

/** Lists of sentences. One that is added changes none but the last paragraph. */
export function paragraphsOf(sentences) {
  const paragraphs = [];
  let length = 0;
  let last = null;
  for (const sentence of sentences) {
    if (!last || length > LONGEST || sentence.channel !== last.channel || isPause(last, sentence)) {
      paragraphs.push([]);
      length = 0;
    }
    paragraphs.at(-1).push(sentence);
    length += lengthOf(sentence.text);
    last = sentence;
  }
  return paragraphs;
}

function isPause(before, after) {
  return before.end_ms !== null && after.start_ms !== null && after.start_ms - before.end_ms >= PAUSE_MS;
}

function lengthOf(text) {
  const nUnspaced = text.match(ALL_UNSPACED)?.length ?? 0;
  return text.length + nUnspaced * (UNSPACED_CHARS - 1);
}
