/** Transcribes what is kept of a recording once more. */
import { listen } from "../files/listening.js";
import { newRecording } from "../recording/recording.js";

/**
 * Send the sound of `entry` to the server. Its text is replaced when the new one has come; a text that somebody has
 * edited stays, and the new one gets an entry of its own. `options`: see `listen`.
 */
export async function transcribeAgain(entries, entry, options) {
  const old = entry.recording;
  const { name, title, source, sound, durationMs, peaks, peaksPerS } = old;
  const fresh = { ...newRecording(name, title, source), sound, durationMs, peaks, peaksPerS };
  if (!old.isEdited) Object.assign(fresh, { id: old.id, createdMs: old.createdMs });
  const isSame = fresh.id === old.id;
  if (isSame) entries.close(old.id);
  const next = await entries.add(fresh);
  const keep = next.onChange;
  if (isSame) next.onChange = () => {}; // until there is a text, what is kept is the old one
  const file = new File([sound], typeof title === "string" ? title : `${name}.wav`, { type: sound.type });
  await listen(file, next, options);
  next.onChange = keep;
  const isBetter = fresh.transcript.text.length > old.transcript.text.length;
  if (isSame && !isBetter && (fresh.error || !fresh.transcript.text)) {
    entries.close(fresh.id);
    await entries.add({ ...old, error: fresh.error ?? old.error });
  } else {
    keep();
  }
}
