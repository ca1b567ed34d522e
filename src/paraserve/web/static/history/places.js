/** Places in a transcript. */
import { cutAt } from "../transcripts/transcript.js";

/** When the word at a place of the text is said, in ms; null where there are no times. */
export function timeAt(transcript, offset) {
  const sentence = partAt(cutAt(transcript.text, transcript.sentences), offset);
  if (!sentence) return null;
  const timed = sentence.part.tokens.filter((token) => token.start_ms !== null);
  const word = partAt(cutAt(sentence.part.text, timed), offset - sentence.start);
  return (word ?? sentence).part.start_ms;
}

/** The part at a place or before it: {part, start}. */
function partAt(pieces, offset) {
  let [at, found] = [0, null];
  for (const { text, part } of pieces) {
    if (at > offset) break;
    if (part) found = { part, start: at };
    at += text.length;
  }
  return found;
}
