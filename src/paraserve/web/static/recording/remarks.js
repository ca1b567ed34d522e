/** What is said about a recording: what went wrong, how it sounded, and which hotwords were found. */
import { noticeWords, plainWords, say } from "../words/words.js";

/** Show all remarks of `recording` in its entry's `root`. */
export function showRemarks(root, recording) {
  const find = (selector) => root.querySelector(selector);
  const { notice, hints, ...figures } = recording.heard;
  find(".notice").hidden = !notice;
  if (notice) say(find(".notice"), ...noticeWords({ notice, ...figures }));
  for (const line of root.querySelectorAll("[data-hint]")) line.hidden = !hints.includes(line.dataset.hint);
  find(".problem").hidden = !recording.error;
  if (recording.error) say(find(".problem"), ...plainWords(recording.error));
  showHotwords(find(".hotwords"), recording.hotwords);
}

function showHotwords(line, { found, ignored }) {
  const words = Object.entries(found).map(([text, times]) => (times > 1 ? `${text} ×${times}` : text));
  line.hidden = !words.length && !ignored.length;
  const which = ignored.length ? (words.length ? "both" : "ignored") : "found";
  say(line, `hotwords.${which}`, { found: words.join(", "), ignored: ignored.join(", ") });
}

/** Finds the hotwords of a recording in its text; null without any. */
export function hotwordPattern({ found }) {
  const words = Object.keys(found).sort((a, b) => b.length - a.length);
  if (!words.length) return null;
  return new RegExp(words.map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"), "giu");
}
