/** What is done with a text: copied, and saved as a file of each format. */
import { FORMATS } from "../transcripts/transcript.js";
import { say } from "../words/words.js";

const DONE_MS = 2000;

/** Let the buttons of `root` copy and save what `recording` holds when they are pressed. */
export function listenToActions(root, recording) {
  const find = (selector) => root.querySelector(selector);
  find(".copy").addEventListener("click", async () => {
    await copy(recording.transcript.text);
    say(find(".done"), "copied");
    setTimeout(() => say(find(".done"), null), DONE_MS);
  });
  find(".wav").addEventListener("click", () => save(`${recording.name}.wav`, recording.sound));
  for (const button of root.querySelectorAll("[data-format]")) {
    button.addEventListener("click", () => {
      const { write, type } = FORMATS[button.dataset.format];
      save(`${recording.name}.${button.dataset.format}`, new Blob([write(recording.transcript)], { type }));
    });
  }
}

/** Save a Blob as a file of the browser's downloads. */
export function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

async function copy(text) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copyOldWay(text);
}

/** Pages without https have no clipboard. */
function copyOldWay(text) {
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}
