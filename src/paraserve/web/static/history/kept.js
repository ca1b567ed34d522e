/** What is kept of a recording: a summary for lists and search, and its details. The sound is kept beside them. */

/** A summary: what a list shows, and the text in which it searches. `soundBytes` is 0 where no sound is kept. */
export function summaryOf(recording, soundBytes) {
  const { id, name, title, source, createdMs, state, error, durationMs, transcript } = recording;
  return { id, name, title, source, createdMs, state, error, durationMs, text: transcript.text, soundBytes };
}

/** All but the sound. Peaks of somebody who still speaks are left out: they would be written again each second. */
export function detailsOf(recording) {
  const { sound: _, ...details } = recording;
  const isLive = recording.source === "microphone" && recording.state !== "done";
  return { ...details, peaks: isLive ? [] : Float32Array.from(recording.peaks) };
}

/** Whether its page went away before it was done. `working`: ids of those that some tab works on. */
export function isInterrupted({ id, state }, working) {
  return state !== "done" && !working.has(id);
}
