/** Sentences of live results, in the form of the server's own JSON. */
const SENTENCE_ENDS = "。？！.?!";

/**
 * The sentences of a live result, from its `stamp_sents` (a clause up to each mark, with a time for each unit).
 * `offsetMs` is when the server's clock began. Without times there is one sentence, whose times are null.
 */
export function liveSentences(message, offsetMs) {
  const text = message.text;
  const sentences = [];
  let tokens = [];
  let from = 0;
  let at = 0;
  const close = (end) => {
    if (text.slice(from, end).trim()) sentences.push(sentence(text.slice(from, end).trim(), tokens));
    tokens = [];
    from = end;
  };
  for (const clause of message.stamp_sents ?? []) {
    const units = clause.text_seg.split(" ").filter(Boolean);
    units.forEach((unit, n) => {
      const found = text.indexOf(unit, at);
      if (found < 0) return;
      const [start, end] = clause.ts_list[n];
      tokens.push({ text: unit, start_ms: start + offsetMs, end_ms: end + offsetMs });
      at = found + unit.length;
    });
    const mark = clause.punc ? text.indexOf(clause.punc, at) : -1;
    if (mark >= 0) at = mark + clause.punc.length;
    if (mark >= 0 && SENTENCE_ENDS.includes(clause.punc)) close(at);
  }
  close(text.length);
  return sentences;
}

function sentence(text, tokens) {
  return { text, start_ms: tokens.at(0)?.start_ms ?? null, end_ms: tokens.at(-1)?.end_ms ?? null, tokens };
}
