/**
 * Transcripts in the form of the server's own JSON: {text, language, duration_ms, sentences: [{text, start_ms, end_ms,
 * tokens: [{text, start_ms, end_ms}]}]}; and as the files that can be downloaded, the same that the server writes.
 */
const SENTENCE_ENDS = "。？！.?!";

export function emptyTranscript() {
  return { text: "", language: null, duration_ms: 0, sentences: [] };
}

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

/** Cut `text` at each of `parts`, in order: [{text, part}], with part null for what lies between. */
export function cutAt(text, parts) {
  const pieces = [];
  let at = 0;
  for (const part of parts) {
    const found = text.indexOf(part.text, at);
    if (found < 0 || !part.text) continue;
    if (found > at) pieces.push({ text: text.slice(at, found), part: null });
    pieces.push({ text: part.text, part });
    at = found + part.text.length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), part: null });
  return pieces;
}

/** Format name to {write(transcript) -> text, type}. */
export const FORMATS = {
  txt: { type: "text/plain", write: (transcript) => `${transcript.text}\n` },
  srt: {
    type: "application/x-subrip",
    write: (transcript) =>
      cues(transcript)
        .map(({ start, end, text }, n) => `${n + 1}\n${clock(start, ",")} --> ${clock(end, ",")}\n${text}\n`)
        .join("\n"),
  },
  vtt: {
    type: "text/vtt",
    write: (transcript) =>
      ["WEBVTT\n", ...cues(transcript).map((c) => `${clock(c.start, ".")} --> ${clock(c.end, ".")}\n${c.text}\n`)].join(
        "\n",
      ),
  },
  json: { type: "application/json", write: (transcript) => `${JSON.stringify(transcript, null, 2)}\n` },
};

/** Sentences without times span the recording. */
function cues(transcript) {
  return transcript.sentences.map((one) => ({
    start: one.start_ms ?? 0,
    end: one.end_ms ?? Math.round(transcript.duration_ms),
    text: one.text.split(/\s+/).filter(Boolean).join(" "),
  }));
}

function clock(atMs, decimal) {
  const parts = [Math.floor(atMs / 3600000), Math.floor(atMs / 60000) % 60, Math.floor(atMs / 1000) % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":") + decimal + String(atMs % 1000).padStart(3, "0");
}
