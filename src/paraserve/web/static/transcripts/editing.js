/** Changes of a transcript's sentences, all of which can be undone. Sentences are never changed, only replaced. */
import { withText } from "./alignment.js";
import { spaceBetween, textOf } from "./joining.js";
import { cutAt } from "./transcript.js";

const MOST_EDITS = 1000; // that can be undone

export class Editing {
  #recording;
  #onChange;
  #done = []; // edits: lists of {at, before, after}, sentences that took the place of others
  #undone = [];

  /** `recording`: see recording.js. `onChange()` is called after each change. */
  constructor(recording, onChange) {
    this.#recording = recording;
    this.#onChange = onChange;
  }

  /** Nothing can be undone: the text is another one. */
  forget() {
    this.#done = [];
    this.#undone = [];
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** Give a sentence another text; without any it goes. */
  setText(at, text) {
    const before = this.#sentences[at];
    const written = onOneLine(text);
    if (written === onOneLine(before.text)) return;
    this.#do([{ at, before: [before], after: written ? [withText(before, written)] : [] }]);
  }

  /** Give a sentence another text and cut it at a place of that text. */
  split(at, text, place) {
    const before = this.#sentences[at];
    const after = cutSentence(withText(before, text), place);
    this.#do([{ at, before: [before], after }]);
  }

  /** Whether a sentence can be joined with the next one: both are of one channel. */
  canJoin(at) {
    const [one, next] = this.#sentences.slice(at, at + 2);
    return Boolean(at >= 0 && one && next && one.channel === next.channel);
  }

  /** Join a sentence with the next one; `texts` are those that both have by now. */
  join(at, texts) {
    const before = this.#sentences.slice(at, at + 2);
    const [one, next] = before.map((sentence, n) => (texts[n] === sentence.text ? sentence : withText(sentence, texts[n])));
    this.#do([{ at, before, after: [joined(one, next)] }]);
  }

  /** Give several sentences other texts, in one edit: [{at, text}]. */
  setTexts(changes) {
    const ordered = [...changes].sort((a, b) => b.at - a.at); // the last first, so that places stay right
    const edit = ordered.map(({ at, text }) => {
      const before = this.#sentences[at];
      return { at, before: [before], after: onOneLine(text) ? [withText(before, onOneLine(text))] : [] };
    });
    if (edit.length) this.#do(edit);
  }

  /** Bring the recognised text back; that can be undone, too. */
  restore() {
    const { original } = this.#recording;
    if (original) this.#do([{ at: 0, before: [...this.#sentences], after: original.sentences }]);
  }

  undo() {
    const edit = this.#done.pop();
    if (!edit) return;
    for (const { at, before, after } of [...edit].reverse()) this.#replace(at, after.length, before);
    this.#undone.push(edit);
    this.#changed();
  }

  redo() {
    const edit = this.#undone.pop();
    if (!edit) return;
    for (const { at, before, after } of edit) this.#replace(at, before.length, after);
    this.#done.push(edit);
    this.#changed();
  }

  get #sentences() {
    return this.#recording.transcript.sentences;
  }

  #do(edit) {
    const { transcript } = this.#recording;
    this.#recording.original ??= { text: transcript.text, sentences: [...transcript.sentences] };
    for (const { at, before, after } of edit) this.#replace(at, before.length, after);
    this.#done = [...this.#done, edit].slice(-MOST_EDITS);
    this.#undone = [];
    this.#changed();
  }

  #replace(at, count, sentences) {
    const all = this.#sentences;
    this.#recording.transcript.sentences = [...all.slice(0, at), ...sentences, ...all.slice(at + count)];
  }

  #changed() {
    const { original, transcript } = this.#recording;
    const isSame = (sentence, n) => sentence === original.sentences[n];
    const isOriginal = transcript.sentences.length === original.sentences.length && transcript.sentences.every(isSame);
    this.#recording.isEdited = !isOriginal;
    rewrite(transcript);
    if (isOriginal) transcript.text = original.text;
    this.#onChange();
  }
}

/** Write the texts of a transcript, and of its channels, anew from its sentences. */
export function rewrite(transcript) {
  transcript.text = textOf(transcript.sentences, transcript.channel_names);
  for (const one of transcript.channels ?? []) {
    const own = transcript.sentences.filter(({ channel }) => channel === one.channel);
    one.text = textOf(own.map((sentence) => ({ ...sentence, channel: null })));
  }
}

function onOneLine(text) {
  return text.replace(/\s+/gu, " ").trim();
}

/** The two parts of a sentence; one alone if the other has no text. Words that are cut through are aligned anew. */
function cutSentence(sentence, place) {
  const [left, right] = [sentence.text.slice(0, place).trim(), sentence.text.slice(place).trim()];
  if (!left || !right) return [sentence];
  const placed = placedTokens(sentence);
  const leftTokens = placed.filter(({ end }) => end <= place).map(({ token }) => token);
  const rightTokens = placed.filter(({ start }) => start >= place).map(({ token }) => token);
  const middle = placed.find(({ start, end }) => start < place && place < end);
  if (middle) {
    const [first, second] = cutToken(middle.token, place - middle.start);
    leftTokens.push(first);
    rightTokens.unshift(second);
  }
  const share = place / sentence.text.length;
  const between = timeBetween(sentence, share);
  return [
    { ...sentence, text: left, end_ms: leftTokens.at(-1)?.end_ms ?? between, tokens: leftTokens },
    { ...sentence, text: right, start_ms: rightTokens[0]?.start_ms ?? between, tokens: rightTokens },
  ];
}

function placedTokens({ text, tokens }) {
  let end = 0;
  return cutAt(text, tokens).flatMap(({ text: piece, part: token }) => {
    const start = end;
    end += piece.length;
    return token ? [{ token, start, end }] : [];
  });
}

function cutToken(token, place) {
  const cutMs = timeBetween(token, place / token.text.length);
  return [
    { ...token, text: token.text.slice(0, place), end_ms: cutMs },
    { ...token, text: token.text.slice(place), start_ms: cutMs },
  ];
}

function timeBetween({ start_ms, end_ms }, share) {
  return start_ms === null || end_ms === null ? start_ms : Math.round(start_ms + (end_ms - start_ms) * share);
}

function joined(one, next) {
  const { spoken, spoken_tokens, ...rest } = one;
  const text = one.text + spaceBetween(one.text, next.text) + next.text;
  const end_ms = next.end_ms ?? one.end_ms;
  return { ...rest, text, start_ms: one.start_ms ?? next.start_ms, end_ms, tokens: [...one.tokens, ...next.tokens] };
}
