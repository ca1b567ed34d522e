/** A line at the foot of the page that says what was done, and takes it back for a while. */
import { say } from "../words/words.js";

const SHOWN_MS = 20000;
let finish = () => {};

/** Say something; see `say`. What was said before is over. */
export function tell(key, values = {}) {
  show(key, values, null, () => {});
}

/** Say what was done. Then either `onUndo()` is called, or after a while `onOver()`. */
export function offerUndo(key, values, onUndo, onOver) {
  show(key, values, onUndo, onOver);
}

function show(key, values, onUndo, onOver) {
  finish();
  const line = document.getElementById("done");
  const [undo, close] = line.querySelectorAll("button");
  const end = (call) => {
    clearInterval(clock);
    finish = () => {};
    line.hidden = true;
    call();
  };
  let shownMs = 0;
  const clock = setInterval(() => {
    if (!line.matches(":hover, :focus-within")) shownMs += 1000; // nobody is hurried who is about to press it
    if (shownMs >= SHOWN_MS) finish();
  }, 1000);
  finish = () => end(onOver);
  say(line.querySelector("span"), key, values);
  undo.hidden = !onUndo;
  undo.onclick = () => end(onUndo);
  close.onclick = () => finish();
  line.hidden = false;
}
