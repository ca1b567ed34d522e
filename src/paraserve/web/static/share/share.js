/** A recording as one HTML file that opens anywhere, without a server and without a request. */
import { locale, titleOf } from "../history/facts.js";
import { clockText } from "../sound/clock_text.js";
import { cuesOf } from "../transcripts/cues.js";
import { hasChannel, spaceBetween } from "../transcripts/joining.js";
import { paragraphsOf } from "../transcripts/paragraphs.js";
import { cutAt } from "../transcripts/transcript.js";
import { phrase, spokenLanguage } from "../words/words.js";
import { playAlong } from "./play_along.js";
import { STYLE } from "./style.js";

const NONCE_BYTES = 16;
const MEDIA_TYPE = /^(audio|video)\/[\w.+-]+$/;

/** The file as a Blob. Its sound is in it where `withSound` says so and there is one. */
export async function sharedPage(recording, withSound) {
  const sound = withSound ? await dataUrl(recording.sound) : null;
  const nonce = Array.from(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)), (byte) => byte.toString(16)).join("");
  const parts = [head(titleOf(recording), nonce), player(recording.sound, sound), body(recording, Boolean(sound))];
  if (sound) parts.push(script(recording.transcript, nonce));
  return new Blob([...parts, "</body>\n</html>\n"], { type: "text/html" });
}

/** Nothing but its own style and script is run or fetched, whatever is in the title and the text. */
function head(title, nonce) {
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; media-src data:`;
  return `<!doctype html>
<html lang="${spokenLanguage()}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
`;
}

function player(blob, sound) {
  if (!sound) return "";
  const tag = blob.type.startsWith("video/") ? "video" : "audio";
  const [media, caption] = [`<${tag} controls src="${escaped(sound)}"></${tag}>`, `<p id="caption" aria-hidden="true"></p>`];
  return `<section class="player" aria-label="${escaped(phrase("share.player"))}">${media}${caption}</section>\n`;
}

function body(recording, hasSound) {
  const made = new Date(recording.createdMs).toLocaleString(locale(), { dateStyle: "long", timeStyle: "short" });
  const facts = [made, ...(recording.durationMs ? [clockText(recording.durationMs)] : [])].join(" · ");
  const hint = hasSound ? `<p class="hint">${escaped(phrase("share.hint"))}</p>\n` : "";
  const { sentences, text: whole, channel_names: names = {} } = recording.transcript;
  const untimed = { text: whole, start_ms: null, tokens: [] };
  const paragraphs = paragraphsOf(sentences.length ? sentences : [untimed]);
  const text = paragraphs.map((one) => paragraph(one, names, hasSound)).join("\n");
  const title = escaped(titleOf(recording));
  return `<main>\n<header><h1>${title}</h1><p>${escaped(facts)}</p></header>\n${hint}${text}\n</main>\n`;
}

function paragraph(sentences, names, hasSound) {
  const [first] = sentences;
  const clock = first.start_ms === null ? "" : clockText(first.start_ms);
  const time = hasSound && clock ? `<button data-s="${Number(first.start_ms)}">${clock}</button>` : `<span>${clock}</span>`;
  const channel = hasChannel(first) ? `<b>${escaped(String(names[first.channel] ?? first.channel))}</b> ` : "";
  const spaces = sentences.map((one, n) => (n ? spaceBetween(sentences[n - 1].text, one.text) : ""));
  return `<div class="paragraph">${time}<p>${channel}${sentences.map((one, n) => spaces[n] + wordsOf(one)).join("")}</p></div>`;
}

function wordsOf({ text, tokens }) {
  const timed = tokens.filter((token) => token.start_ms !== null);
  return cutAt(text, timed).map((piece) => (piece.part ? word(piece) : escaped(piece.text))).join("");
}

function word({ text, part }) {
  return `<i data-s="${Number(part.start_ms)}" data-e="${Number(part.end_ms)}">${escaped(text)}</i>`;
}

function script(transcript, nonce) {
  const cues = cuesOf(transcript).map(({ start, end, lines }) => [start, end, lines.join("\n")]);
  const data = JSON.stringify(cues).replaceAll("<", "\\u003c"); // it shall not end the element that it is in
  return `<script type="application/json" id="cues">${data}</script>\n<script nonce="${nonce}">(${playAlong})();</script>\n`;
}

function escaped(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (char) => names[char]);
}

/** With a type of sound, whichever: browsers look into it, but refuse what is not said to be sound. */
function dataUrl(blob) {
  const typed = MEDIA_TYPE.test(blob.type) ? blob : blob.slice(0, blob.size, "audio/wav");
  const reader = new FileReader();
  return new Promise((resolve, reject) => {
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(typed);
  });
}
