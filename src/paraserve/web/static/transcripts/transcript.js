import { cuesOf } from "./cues.js";
import { hasChannel, labelled, textOf } from "./joining.js";
import { paragraphsOf } from "./paragraphs.js";

/**
 * Transcripts in the form of the server's own JSON: {text, language, duration_ms, sentences: [{text, start_ms, end_ms,
 * tokens: [{text, start_ms, end_ms}]}]}, with {channel_names} that people gave to split channels; and as the files that
 * can be downloaded, the same that the server writes.
 */

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

/** Format name to {write(transcript, limits) -> text, type, ending if not its name}; `limits` are those of cues.js. */
export const FORMATS = {
  txt: { type: "text/plain", write: (transcript) => `${transcript.text}\n` },
  times: { type: "text/plain", ending: "txt", write: timedText },
  srt: {
    type: "application/x-subrip",
    write: (transcript, limits) =>
      cuesOf(transcript, limits)
        .map((cue, n) => `${n + 1}\n${clock(cue.start, ",")} --> ${clock(cue.end, ",")}\n${plain(cue)}\n`)
        .join("\n"),
  },
  vtt: {
    type: "text/vtt",
    write: (transcript, limits) =>
      [
        "WEBVTT\n",
        ...cuesOf(transcript, limits).map(
          (c) => `${clock(c.start, ".")} --> ${clock(c.end, ".")}\n${c.lines.map(escaped).join("\n")}\n`,
        ),
      ].join("\n"),
  },
  ass: {
    type: "text/x-ssa",
    write: (transcript, limits) =>
      ASS_HEAD +
      cuesOf(transcript, limits)
        .map((c) => [assClock(c.start), assClock(c.end), "Default,,0,0,0,", c.lines.map(withoutCommands).join("\\N")])
        .map((fields) => `Dialogue: 0,${fields.join(",")}\n`)
        .join(""),
  },
  ttml: {
    type: "application/ttml+xml",
    write: (transcript, limits) =>
      ttmlHead(transcript) +
      cuesOf(transcript, limits)
        .map((c) => [clock(c.start, "."), clock(c.end, "."), c.lines.map(withoutCommands).map(escaped).join("<br />")])
        .map(([start, end, text]) => `      <p begin="${start}" end="${end}" style="Default">${text}</p>\n`)
        .join("") +
      "    </div>\n  </body>\n</tt>\n",
  },
  lrc: {
    type: "application/x-lrc",
    write: (transcript, limits) => cuesOf(transcript, limits).map((c) => `[${lrcClock(c.start)}]${lrcText(c.text)}\n`).join(""),
  },
  json: { type: "application/json", write: (transcript) => `${JSON.stringify(transcript, null, 2)}\n` },
};

/** A paragraph a line, behind the time at which it begins, and the name of its channel if there are several. */
export function timedText({ sentences, channel_names = {} }) {
  return paragraphsOf(sentences)
    .map((some) => {
      const [{ start_ms, channel }] = some;
      const text = textOf(some.map((sentence) => ({ ...sentence, channel: null })));
      const time = start_ms === null ? "" : `${clock(start_ms, ".").slice(0, -4)} `;
      return `${time}${hasChannel(some[0]) ? labelled(channel, channel_names, text) : text}\n`;
    })
    .join("");
}

const ASS_HEAD = `[Script Info]
WrapStyle: 0
ScaledBorderAndShadow: yes
Collisions: Normal
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,20,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,2,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
`;

/** Players of SubRip take these for tags and commands. */
function plain(cue) {
  return cue.lines
    .join("\n")
    .replace(/<(?= *\/? *[A-Za-z])/g, "＜")
    .replace(/\{(?=\\)/g, "｛");
}

/** A line of a text without the signs that WebVTT and XML read as tags. */
export function escaped(line) {
  return line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function withoutCommands(line) {
  const fullWidth = { "{": "｛", "}": "｝", "\\": "＼" };
  return line.replace(/[{}\\]/g, (char) => fullWidth[char]);
}

function ttmlHead(transcript) {
  const language = escaped(transcript.task === "translate" ? "en" : (transcript.language ?? ""));
  return `<?xml version="1.0" encoding="utf-8"?>
<tt xml:lang="${language}" xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling">
  <head>
    <styling>
      <style xml:id="Default" tts:fontFamily="Arial" tts:fontWeight="normal" tts:fontStyle="normal" tts:color="#FFFFFF" />
    </styling>
  </head>
  <body>
    <div>
`;
}

function lrcText(text) {
  return text.startsWith("[") ? ` ${text}` : text;
}

function clock(atMs, decimal) {
  const parts = [Math.floor(atMs / 3600000), Math.floor(atMs / 60000) % 60, Math.floor(atMs / 1000) % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":") + decimal + String(atMs % 1000).padStart(3, "0");
}

function assClock(atMs) {
  return clock(atMs, ".").slice(atMs < 36000000 ? 1 : 0, -1);
}

function lrcClock(atMs) {
  return `${String(Math.floor(atMs / 60000)).padStart(2, "0")}:${clock(atMs, ".").slice(-6, -1)}`;
}
