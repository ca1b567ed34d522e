/** All recordings in one archive: of each the sound, the text, subtitles and the transcript. */
import { subtitleLimits } from "../recording/actions.js";
import { save } from "../saving.js";
import { FORMATS } from "../transcripts/transcript.js";
import { titleOf } from "./facts.js";
import { endingOf, namer } from "./file_names.js";
import { zip } from "./zip.js";

const TEXTS = ["txt", "srt", "json"];

/** Save the recordings with these ids. `onProgress(n)` tells how many have been read. */
export async function exportAll(store, ids, onProgress) {
  const blob = await zip(filesOf(store, ids, onProgress));
  save(`paraserve-${dateOf(Date.now())}.zip`, blob);
}

async function* filesOf(store, ids, onProgress) {
  const nameOf = namer();
  for (const [n, id] of ids.entries()) {
    onProgress(n + 1);
    const recording = await store.get(id);
    if (recording) yield* filesOfOne(recording, nameOf);
  }
}

function* filesOfOne(recording, nameOf) {
  const { createdMs: modifiedMs, sound, transcript } = recording;
  const title = titleOf(recording);
  const name = nameOf(`${dateOf(modifiedMs)} ${title.replace(/\.[a-z0-9]{1,5}$/i, "")}`);
  if (sound) yield { name: `${name}.${endingOf(recording.source === "microphone" ? "" : title, sound.type)}`, blob: sound, modifiedMs };
  for (const format of TEXTS) {
    yield { name: `${name}.${format}`, blob: new Blob([FORMATS[format].write(transcript, subtitleLimits())]), modifiedMs };
  }
}

/** Sorts by time, and has no sign that a file's name may not have. */
function dateOf(ms) {
  const at = new Date(ms);
  const two = (number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}.${two(at.getMinutes())}`;
}
