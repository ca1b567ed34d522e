/** What the page knows of one recording, as plain data that a browser can keep. */
import { PEAKS_PER_S } from "../client/recording.js";

let latestMs = 0;

/**
 * A recording without sound and text.
 *
 * `name` begins the names of its downloads, `title` is what people read ({key, values} of words.js, or a text of their
 * own). `source` is "microphone", "file" or "sample". Its other parts:
 * - `id`: unlike that of every other recording of this browser
 * - `createdMs`: when it began, as Date.now() counts
 * - `state`: "new", "working" or "done"; `error`: {code, message} of what went wrong, or null
 * - `transcript`: see transcript.js; `isEdited`: whether somebody has changed its text; `original`: its {text,
 *   sentences} before that, null if nobody has
 * - `heard`: {speech_ms, recognized_ms, notice, hints}, what the server says of the speech so far
 * - `hotwords`: {found: {word: times}, ignored: [word]}
 * - `ending`: key of words.js that tells why there is no text, or null
 * - `sound`: a Blob that can be played, null as long as there is none; `durationMs` of it
 * - `peaks`: the loudest sample of each `1 / peaksPerS` s, 0 to 1
 */
export function newRecording(name, title, source) {
  return {
    id: newId(),
    name,
    title,
    source,
    createdMs: newTime(),
    state: "new",
    error: null,
    transcript: emptyTranscript(),
    isEdited: false,
    original: null,
    heard: { speech_ms: 0, recognized_ms: 0, notice: null, hints: [] },
    hotwords: { found: {}, ignored: [] },
    ending: null,
    sound: null,
    durationMs: 0,
    peaks: [],
    peaksPerS: PEAKS_PER_S,
  };
}

/** A transcript without text; see transcript.js. */
export function emptyTranscript() {
  return { text: "", language: null, duration_ms: 0, sentences: [] };
}

/** No two recordings have the same, so that every list of them is in one order. */
function newTime() {
  latestMs = Math.max(Date.now(), latestMs + 1);
  return latestMs;
}

/** crypto.randomUUID is for https pages only. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
