import { UNSPACED, hasChannel, labelled } from "./joining.js";

/**
 * Cues of subtitles, as src/paraserve/subtitles makes them: of a sentence's pieces that stay on one line, broken at
 * marks first, then pauses, then words. The constants and costs are explained there.
 */
/** As the fields `subtitle_cue_s`, `subtitle_lines`, `subtitle_latin_chars` and `subtitle_chinese_chars` of the server. */
export const LIMITS = { cue_s: 7, lines: 2, latin_chars: 42, chinese_chars: 20 };
/** Least and greatest values. */
export const LIMIT_RANGES = { cue_s: [1, 3600], lines: [1, 10], latin_chars: [10, 500], chinese_chars: [5, 500] };
const SENTENCE_PAUSE_MS = 800;
const PAUSE_MS = 500;
const SHORTEST_MS = 100;
const [MARK_COST, PAUSE_COST, WORD_COST, NUMBER_COST, CUE_COST, LINE_COST, ROOM_COST] = [10, 30, 150, 200, 25, 1e4, 60];

const NUMERALS = "零〇一二三四五六七八九十百千万亿两兆萬億兩";
const PIECE = new RegExp(
  `(?:百分之|千分之|第|负|負)?[${NUMERALS}]+(?:[点點][${NUMERALS}]+)?` +
    "|[\\uff10-\\uff19\\uff21-\\uff3a\\uff41-\\uff5a]+(?:[\\uff0c\\uff0e\\uff1a][\\uff10-\\uff19]+)*" +
    `|[${UNSPACED}]|[^\\s${UNSPACED}]+`,
  "gu",
);
const CLOSING = new Set(
  "。，、．：；？！,.:;?!)]}）］｝」』】〕〉》〗〙〛”’»›…‥—・％%‰℃°々〻ゝゞヽヾーぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ‐゠～〜\u0e46",
);
const OPENING = new Set("([{（［｛「『【〔〈《〖〘〚“‘«‹¿¡$€£¥￥＄＃＠");
const QUOTES = new Set("\"'＂＇");
const PAUSE_MARK = /[。？！.?!，、；：,;:…—]$/u;
const CLOSING_QUOTES = /[)\]}）］｝」』】〕〉》’”»"']+$/u;
const NO_ROOM = /[\p{Mn}\p{Me}\p{Cf}]/u;
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4c6\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2fb}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;
/** Wide in a text with wide characters. */
const AMBIGUOUS = /[§°±×÷Α-Ωα-ωЁА-яё‐–-‖‘’“”†-•‥…‰′″※€℃№→←↑↓∞①-⑳]/u;

/**
 * [{start, end, text, lines}] of a transcript, times in ms. Those of different channels may overlap, and begin with the
 * names of their channels.
 */
export function cuesOf(transcript, limits = LIMITS) {
  const channels = [...new Set(transcript.sentences.filter(hasChannel).map(({ channel }) => channel))].sort((a, b) => a - b);
  if (!channels.length) return unlabelledCues(transcript, limits);
  const cues = channels.flatMap((channel) => {
    const sentences = transcript.sentences.filter((sentence) => sentence.channel === channel);
    const label = (text) => labelled(channel, transcript.channel_names ?? {}, text);
    return unlabelledCues({ ...transcript, sentences }, narrower(limits, label(""))).map((cue) => ({
      ...cue,
      text: label(cue.text),
      lines: [label(cue.lines[0]), ...cue.lines.slice(1)],
    }));
  });
  return cues.sort((a, b) => a.start - b.start);
}

/** Limits that leave room for a label; a long label leaves at least a quarter of a line. */
function narrower(limits, label) {
  const half = roomOf(label, true, { latin_chars: 2, chinese_chars: 1 });
  const { latin_chars, chinese_chars } = limits;
  return {
    ...limits,
    latin_chars: Math.max(latin_chars - half, Math.ceil(latin_chars / 4)),
    chinese_chars: Math.max(chinese_chars - Math.ceil(half / 2), Math.ceil(chinese_chars / 4)),
  };
}

function unlabelledCues(transcript, limits) {
  const cues = [];
  let end = 0;
  for (const sentence of timedSentences(transcript, limits)) {
    for (const pieces of cut(sentence, limits, limits.lines, CUE_COST)) {
      const start = Math.max(pieces[0].start, end);
      end = Math.min(Math.max(pieces.at(-1).end, start + SHORTEST_MS), start + limits.cue_s * 1000);
      cues.push({ start, end, text: joined(pieces), lines: cut(pieces, limits, 1, LINE_COST).map(joined) });
    }
  }
  return cues;
}

function lineRoom(limits) {
  return limits.latin_chars * limits.chinese_chars;
}

function timedSentences(transcript, limits) {
  const sentences = transcript.sentences.map((one) => untimedPieces(one, limits)).filter((pieces) => pieces.length);
  fill(sentences.flat(), Math.round(transcript.duration_ms));
  return sentences;
}

/** Control characters and surrogates without their other half are left out. */
function visibleText(text) {
  return text
    .replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, (char) => (/\s/u.test(char) ? char : ""))
    .split(/\s+/u)
    .filter(Boolean)
    .join(" ");
}

function untimedPieces(sentence, limits) {
  const text = visibleText(sentence.text);
  if (!/[^\p{C}\p{Z}\p{M}]/u.test(text)) return [];
  const isWide = new RegExp(`[${UNSPACED}]`, "u").test(text);
  const [starts, ends] = characterTimes(text, sentence.tokens);
  const pieces = textPieces(text, isWide, limits).map(({ start, end, hasSpace }) => {
    const known = (times) => times.slice(start, end).filter((ms) => ms !== undefined);
    return {
      text: text.slice(start, end),
      start: known(starts).length ? Math.min(...known(starts)) : null,
      end: known(ends).length ? Math.max(...known(ends)) : null,
      room: roomOf(text.slice(start, end), isWide, limits),
      space: hasSpace ? limits.chinese_chars : 0,
    };
  });
  pieces[0].start ??= rounded(sentence.start_ms);
  pieces.at(-1).end ??= rounded(sentence.end_ms);
  return pieces;
}

function rounded(ms) {
  return ms === null || ms === undefined ? null : Math.round(ms);
}

/** Start and end of each character that belongs to a token with times. */
function characterTimes(text, tokens) {
  const [starts, ends] = [new Array(text.length), new Array(text.length)];
  let position = 0;
  for (const token of tokens) {
    const word = visibleText(token.text);
    const found = text.indexOf(word, position);
    if (found < 0 || !word) continue;
    position = found + word.length;
    const [start, end] = [rounded(token.start_ms), rounded(token.end_ms)];
    if (start === null || end === null) continue;
    for (let i = 0; i < word.length; i++) {
      starts[found + i] = start + Math.floor(((end - start) * i) / word.length);
      ends[found + i] = start + Math.floor(((end - start) * (i + 1)) / word.length);
    }
  }
  return [starts, ends];
}

function roomOf(text, isWide, { latin_chars, chinese_chars }) {
  let room = 0;
  for (const char of text) {
    if (NO_ROOM.test(char)) continue;
    if (WIDE.test(char)) room += latin_chars;
    else room += isWide && AMBIGUOUS.test(char) ? Math.max(latin_chars, chinese_chars) : chinese_chars;
  }
  return room;
}

function textPieces(text, isWide, limits) {
  const spans = [];
  for (const match of text.matchAll(PIECE)) {
    const last = spans.at(-1);
    const end = match.index + match[0].length;
    if (last && !mayBreak(text, last.end, match.index)) last.end = end;
    else spans.push({ start: match.index, end, hasSpace: Boolean(last) && match.index > last.end });
  }
  return spans.flatMap((span) => fitting(text, span, isWide, limits));
}

function mayBreak(text, end, start) {
  const [before, after] = [Array.from(text.slice(0, end)).at(-1), String.fromCodePoint(text.codePointAt(start))];
  if (OPENING.has(before) || CLOSING.has(after)) return false;
  if (start > end) return !(/\p{Nd}/u.test(before) && /\p{Nd}/u.test(after));
  return !QUOTES.has(before) && !QUOTES.has(after);
}

/** A piece longer than a line in parts of much the same length. */
function fitting(text, span, isWide, limits) {
  const room = roomOf(text.slice(span.start, span.end), isWide, limits);
  const whole = lineRoom(limits);
  if (room <= whole) return [span];
  const target = Math.ceil(room / Math.ceil(room / whole));
  const cuts = [span.start];
  let taken = 0;
  let at = span.start;
  for (const char of text.slice(span.start, span.end)) {
    const step = roomOf(char, isWide, limits);
    if (step && (taken >= target || taken + step > whole)) {
      cuts.push(at);
      taken = 0;
    }
    taken += step;
    at += char.length;
  }
  cuts.push(span.end);
  return cuts.slice(1).map((end, i) => {
    const start = cuts[i];
    const part = text.slice(start, end);
    const hasSpace = i ? text.slice(start - 1, start + 1).includes(" ") : span.hasSpace;
    return { start: start + part.length - part.trimStart().length, end: start + part.trimEnd().length, hasSpace };
  });
}

/** Give times to the pieces without any, by their characters, and let none go back. */
function fill(pieces, durationMs) {
  const known = pieces.flatMap((piece) => [piece.start, piece.end]);
  const anchors = known.flatMap((ms, i) => (ms === null ? [] : [[i, ms]]));
  const latest = anchors.reduce((most, [, ms]) => Math.max(most, ms), 0);
  if (!anchors.length || anchors[0][0] > 0) anchors.unshift([0, 0]);
  if (anchors.at(-1)[0] < known.length - 1) anchors.push([known.length - 1, Math.max(durationMs, latest)]);
  let place = 0;
  const places = pieces.flatMap((piece) => [place, (place += piece.text.length)]);
  const times = [];
  for (let n = 0; n + 1 < anchors.length; n++) {
    const [[first, start], [last, end]] = [anchors[n], anchors[n + 1]];
    const whole = Math.max(1, places[last] - places[first]);
    for (let i = first; i < last; i++) {
      times.push(start + Math.floor(((end - start) * (places[i] - places[first])) / whole));
    }
  }
  times.push(anchors.at(-1)[1]);
  let least = 0;
  pieces.forEach((piece, i) => {
    piece.start = least = Math.max(least, times[2 * i]);
    piece.end = least = Math.max(least, times[2 * i + 1]);
  });
}

/** Consecutive parts that each fit on `nLines`, at the least cost. */
function cut(pieces, limits, nLines, partCost) {
  const n = pieces.length;
  if (reach(pieces, 0, limits, nLines) === n) return [pieces];
  const used = [0];
  for (const piece of pieces) used.push(used.at(-1) + piece.space + piece.room);
  const costs = new Array(n + 1).fill(Infinity);
  const ends = new Array(n).fill(n);
  costs[n] = 0;
  for (let i = n - 1; i >= 0; i--) {
    for (let j = i + 1; j <= reach(pieces, i, limits, nLines); j++) {
      const free = Math.max(0, 1 - (used[j] - used[i]) / (lineRoom(limits) * nLines));
      const broken = j < n ? breakCost(pieces[j - 1], pieces[j]) : 0;
      const cost = partCost + ROOM_COST * free * free + broken + costs[j];
      if (cost < costs[i]) [costs[i], ends[i]] = [cost, j];
    }
  }
  const parts = [];
  for (let start = 0; start < n; start = ends[start]) parts.push(pieces.slice(start, ends[start]));
  return parts;
}

function reach(pieces, first, limits, nLines) {
  const room = lineRoom(limits);
  let line = 1;
  let free = room;
  for (let i = first; i < pieces.length; i++) {
    const piece = pieces[i];
    const isLate = piece.end > pieces[first].start + limits.cue_s * 1000;
    if (i > first && (isLate || piece.start - pieces[i - 1].end >= SENTENCE_PAUSE_MS)) return i;
    let needed = free === room ? piece.room : piece.room + piece.space;
    if (needed > free) [line, free, needed] = [line + 1, room, piece.room];
    if (line > nLines) return i;
    free -= needed;
  }
  return pieces.length;
}

function breakCost(before, after) {
  const share = Math.min(1, (after.start - before.end) / PAUSE_MS);
  if (PAUSE_MARK.test(before.text.replace(CLOSING_QUOTES, "") || before.text)) return MARK_COST * (1 - share);
  const isNumber = new RegExp(`[\\p{N}${NUMERALS}]$`, "u").test(before.text) && !after.space;
  const worst = isNumber ? NUMBER_COST : WORD_COST;
  return worst - (worst - PAUSE_COST) * share;
}

function joined(pieces) {
  return pieces.map((piece, i) => (i && piece.space ? " " : "") + piece.text).join("");
}
