/** The captions alone on the screen, which stays awake. */
import { label } from "../words/words.js";

const $ = (id) => document.getElementById(id);
const stage = () => $("stage");
let lock = null;
let isWanted = false; // that the screen stays awake

/** The button, and keys: Escape leaves, + and - change the size (`changeSize(step)`). `onLeave()` is called at its end. */
export function listenToFullScreen(changeSize, onLeave) {
  $("full-screen").addEventListener("click", toggle);
  document.addEventListener("fullscreenchange", () => show(document.fullscreenElement === stage(), onLeave));
  document.addEventListener("keydown", (event) => {
    if (!isFullScreen() || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { "+": 1, "=": 1, "-": -1 }[event.key];
    if (step) changeSize(step);
    if (event.key === "Escape" && !document.fullscreenElement) show(false, onLeave);
  });
  document.addEventListener("visibilitychange", () => holdScreen()); // a hidden page loses its lock

  function toggle() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (isFullScreen()) show(false, onLeave);
    else if (stage().requestFullscreen) stage().requestFullscreen().catch(() => show(true, onLeave)); // forbidden by a frame
    else show(true, onLeave); // telephones of Apple: it fills the page instead
  }
}

/** Whether the captions fill the screen, or the page where the browser has no full screen. */
export function isFullScreen() {
  return stage().classList.contains("full");
}

/** Keep the screen awake, or let it sleep again. Browsers can on https pages only. */
export async function keepAwake(isAwake) {
  isWanted = isAwake;
  await holdScreen();
}

function show(isFull, onLeave) {
  stage().classList.toggle("full", isFull);
  label($("full-screen"), isFull ? "captions.leave" : "captions.full");
  if (!isFull) onLeave();
}

async function holdScreen() {
  if (!isWanted) {
    await lock?.release();
    lock = null;
  } else if (document.visibilityState === "visible" && (!lock || lock.released)) {
    lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null; // not with a low battery
    if (!isWanted) await holdScreen(); // it has ended meanwhile
  }
}
