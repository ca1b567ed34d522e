/**
 * Times of words that somebody has changed. Unchanged words keep theirs; changed ones share the time of what they
 * replace, and new ones the time between their neighbours.
 */
import { UNSPACED } from "./joining.js";
import { cutAt } from "./transcript.js";

const WORD = new RegExp(`[${UNSPACED}]|[^\\s${UNSPACED}]+`, "gu");
const MARKS_AROUND = /^[.,!?;:…"'()[\]{}“”‘’«»—–-]+|[.,!?;:…"'()[\]{}“”‘’«»—–-]+$/gu;
const HAS_WORD = /[\p{L}\p{N}]/u;
const LARGEST_COMPARISON = 4_000_000; // pairs of words: a sentence of 2,000 words that is changed at both its ends

/** `sentence` with another text: {text, tokens} are new, what was said but not written is gone. */
export function withText(sentence, text) {
  const { spoken, spoken_tokens, ...rest } = sentence;
  return { ...rest, text, tokens: tokensFor(sentence, text) };
}

/** The words of a text with their places: [{text, start, end}]. Marks around them are no part of them. */
export function wordsOf(text) {
  return [...text.matchAll(WORD)].flatMap(({ 0: found, index }) => {
    const word = found.replace(MARKS_AROUND, "");
    const start = index + found.indexOf(word);
    return HAS_WORD.test(word) ? [{ text: word, start, end: start + word.length }] : [];
  });
}

function tokensFor(sentence, text) {
  const before = timedWords(sentence);
  if (!before.some((word) => word.token)) return [];
  const after = wordsOf(text);
  const words = [...sharedTimes(before, after, alignment(before, after), sentence)];
  return tokensOf(words, text, before);
}

/** The words of the sentence; those that belong to a token have {token, start_ms, end_ms}, their share of its time. */
function timedWords(sentence) {
  const timed = sentence.tokens.filter((token) => token.start_ms !== null);
  const words = wordsOf(sentence.text);
  let at = 0;
  let next = 0;
  for (const { text, part: token } of cutAt(sentence.text, timed)) {
    const end = at + text.length;
    for (; next < words.length && words[next].start < end; next += 1) {
      if (!token) continue;
      const msAt = (place) => token.start_ms + ((token.end_ms - token.start_ms) * clamp(place - at, text.length)) / text.length;
      const word = words[next];
      Object.assign(word, { token, start_ms: Math.round(msAt(word.start)), end_ms: Math.round(msAt(word.end)) });
    }
    at = end;
  }
  return words;
}

function clamp(value, most) {
  return Math.max(0, Math.min(most, value));
}

/** Pairs [index before, index after] of the words that stay: as many as can. Capitals do not count. */
function alignment(before, after) {
  const [a, b] = [before, after].map((words) => words.map(({ text }) => text.toLowerCase()));
  let [head, tail] = [0, 0];
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  const shorter = Math.min(a.length, b.length) - head;
  while (tail < shorter && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const middle = longestCommon(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  return [
    ...Array.from({ length: head }, (_, n) => [n, n]),
    ...middle.map(([i, j]) => [head + i, head + j]),
    ...Array.from({ length: tail }, (_, n) => [a.length - tail + n, b.length - tail + n]),
  ];
}

/** Pairs of indices of the longest common subsequence. */
function longestCommon(a, b) {
  if (a.length * b.length > LARGEST_COMPARISON) return [];
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width); // of the rests behind i and j
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        a[i] === b[j]
          ? lengths[(i + 1) * width + j + 1] + 1
          : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return pairs;
}

/** Yield the words of `after` with times; those that stay have the {token} that they had. */
function* sharedTimes(before, after, pairs, sentence) {
  let [i, j, latest] = [0, 0, sentence.start_ms ?? 0];
  for (const [nextI, nextJ] of [...pairs, [before.length, after.length]]) {
    const limit = before.slice(nextI).find((word) => word.token)?.start_ms ?? sentence.end_ms ?? latest;
    const replaced = before.slice(i, nextI).filter((word) => word.token);
    const start = Math.max(latest, replaced[0]?.start_ms ?? latest);
    const end = Math.max(start, Math.min(limit, replaced.at(-1)?.end_ms ?? limit));
    yield* spread(after.slice(j, nextJ), start, end);
    if (nextJ === after.length) return;
    const { token, start_ms, end_ms } = before[nextI];
    if (token) yield { ...after[nextJ], token, start_ms, end_ms };
    else yield* spread([after[nextJ]], end, Math.max(end, limit)); // it never had a time
    latest = token ? end_ms : Math.max(end, limit);
    [i, j] = [nextI + 1, nextJ + 1];
  }
}

/** Words that share a time by their characters. */
function spread(words, start, end) {
  const whole = words.reduce((sum, { text }) => sum + text.length, 0);
  let place = 0;
  return words.map((word) => {
    const from = place;
    place += word.text.length;
    const msAt = (at) => Math.round(start + ((end - start) * at) / whole);
    return { ...word, token: null, start_ms: msAt(from), end_ms: msAt(place) };
  });
}

/** Words as tokens. Those that were one token together, such as "11月", and are still written like it, are it again. */
function tokensOf(words, text, before) {
  const tokens = [];
  for (let n = 0; n < words.length; ) {
    const { token, start } = words[n];
    const run = token ? words.slice(n, n + before.filter((word) => word.token === token).length) : [];
    const isWhole = run.length && run.every((word) => word.token === token);
    const written = isWhole ? writtenLike(token.text, text, start, run.at(-1).end) : null;
    tokens.push(written ? { ...token, text: written } : plainToken(words[n]));
    n += written ? run.length : 1;
  }
  return tokens;
}

/** What is written around `start` to `end` if it is `word` but for its capitals, else null. */
function writtenLike(word, text, start, end) {
  const found = text.toLowerCase().indexOf(word.toLowerCase(), Math.max(0, end - word.length));
  return found < 0 || found > start ? null : text.slice(found, found + word.length);
}

/** Somebody wrote a changed word: its confidence is 1. */
function plainToken({ text, start_ms, end_ms, token }) {
  return { text, start_ms, end_ms, confidence: token ? token.confidence : 1 };
}
