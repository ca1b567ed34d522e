/** Places of a text in the sentences of a transcript. */
import { UNSPACED } from "./joining.js";

const LETTER = `(?![${UNSPACED}])[\\p{L}\\p{N}_]`;

/**
 * Where `query` is found: [{at, start, end}], `at` the number of the sentence. `options`: {isExact} tells capitals from
 * small letters, {isWhole} finds whole words alone, which scripts without spaces do not have.
 */
export function findIn(sentences, query, { isExact = false, isWhole = false } = {}) {
  const pattern = patternOf(query, isExact, isWhole);
  if (!pattern) return [];
  return sentences.flatMap(({ text }, at) =>
    [...text.matchAll(pattern)].map(({ 0: found, index }) => ({ at, start: index, end: index + found.length })),
  );
}

/** The texts of the sentences that `matches` lie in, with `replacement` in their place: [{at, text}]. */
export function replaced(sentences, matches, replacement) {
  const texts = new Map();
  for (const { at, start, end } of [...matches].reverse()) {
    const text = texts.get(at) ?? sentences[at].text;
    texts.set(at, text.slice(0, start) + replacement + text.slice(end));
  }
  return [...texts].map(([at, text]) => ({ at, text }));
}

function patternOf(query, isExact, isWhole) {
  const words = query.trim().split(/\s+/u).filter(Boolean);
  if (!words.length) return null;
  const written = words.map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("\\s+");
  const before = isWhole && new RegExp(`^${LETTER}`, "u").test(words[0]) ? `(?<!${LETTER})` : "";
  const after = isWhole && new RegExp(`${LETTER}$`, "u").test(words.at(-1)) ? `(?!${LETTER})` : "";
  return new RegExp(before + written + after, isExact ? "gu" : "giu");
}
