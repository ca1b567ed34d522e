/** Search in the texts of recordings: without regard to case and to full or half width, in any language. */

const CONTEXT = 36; // characters shown before and after a match
const folds = new WeakMap(); // of summaries, since each key typed searches all of them

/**
 * Those of `summaries` that have every word of the query in title or text: [{summary, places, count}], in the same
 * order. `places` are the first matches in the text, [{offset, length}], at most `most`; `count` is that of all.
 */
export function search(summaries, query, titleOf, most = 3) {
  const words = fold(query).split(/\s+/).filter(Boolean);
  const found = [];
  for (const summary of summaries) {
    const text = foldedText(summary);
    const title = fold(titleOf(summary));
    if (!words.every((word) => text.includes(word) || title.includes(word))) continue;
    const matches = words.map((word) => matchesOf(text, word, most));
    const places = matches.flatMap(({ first }) => first).sort((a, b) => a.offset - b.offset);
    found.push({ summary, places: places.slice(0, most), count: matches.reduce((sum, { count }) => sum + count, 0) });
  }
  return found;
}

/** The text around a place: [before, match, after]. */
export function around(text, { offset, length }) {
  const start = Math.max(0, offset - CONTEXT);
  const end = Math.min(text.length, offset + length + CONTEXT);
  const before = (start ? "…" : "") + text.slice(start, offset).trimStart();
  return [before, text.slice(offset, offset + length), text.slice(offset + length, end) + (end < text.length ? "…" : "")];
}

/** As long as the text, so that places in one are places in the other. */
function fold(text) {
  const half = text.replace(/[\uff01-\uff5e]/g, (char) => String.fromCharCode(char.charCodeAt(0) - 0xfee0));
  const lower = half.toLowerCase();
  return lower.length === text.length ? lower : half.replace(/[A-Z]/g, (char) => char.toLowerCase());
}

function foldedText(summary) {
  if (!folds.has(summary)) folds.set(summary, fold(summary.text));
  return folds.get(summary);
}

function matchesOf(text, word, most) {
  const first = [];
  let count = 0;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
    if (count < most) first.push({ offset: at, length: word.length });
    count += 1;
  }
  return { first, count };
}
