/** What the server sends of a text, beside what somebody has edited of it meanwhile. */
import { rewrite } from "../transcripts/editing.js";

/** Add a final text with its sentences to `recording`. */
export function addSentences(recording, text, sentences) {
  const { transcript, original, isEdited } = recording;
  transcript.text += transcript.text ? text : text.trimStart();
  transcript.sentences.push(...sentences);
  if (original) {
    original.text += text;
    original.sentences.push(...sentences);
  }
  if (isEdited) rewrite(transcript);
}

/** Take the whole transcript, of whose sentences `received` have been added before. What was edited stays. */
export function takeTranscript(recording, transcript, received) {
  const { isEdited, original, transcript: own } = recording;
  const before = (original ?? own).sentences;
  const whole = transcript.sentences.map((sentence, n) => (isSame(before[n], sentence) ? before[n] : sentence));
  const names = own.channel_names && { channel_names: own.channel_names };
  const sentences = isEdited ? [...own.sentences, ...whole.slice(received)] : whole;
  recording.transcript = { ...transcript, ...names, sentences };
  if (original) recording.original = { text: transcript.text, sentences: [...whole] };
  if (isEdited || names) rewrite(recording.transcript);
}

/** Sentences that are the same stay the same objects, so that the text on the page needs no change. */
function isSame(one, other) {
  return one?.text === other.text && one.start_ms === other.start_ms && one.tokens.length === other.tokens.length;
}
