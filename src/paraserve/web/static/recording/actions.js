/** What is done with a text: copied, and saved as a file of each format. */
import { save } from "../saving.js";
import { keep, kept } from "../settings.js";
import { LIMIT_RANGES, LIMITS } from "../transcripts/cues.js";
import { FORMATS, timedText } from "../transcripts/transcript.js";
import { say } from "../words/words.js";

const DONE_MS = 2000;
const MENU_MARGIN_PX = 16; // from the edge of the window
const KEPT_LIMITS = "subtitle_limits";

/** Let the buttons of `root` copy and save what `recording` holds when they are pressed. */
export function listenToActions(root, recording) {
  const find = (selector) => root.querySelector(selector);
  const copyText = async (text) => {
    await copy(text);
    closeMenu(find(".save"));
    say(find(".done"), "copied");
    setTimeout(() => say(find(".done"), null), DONE_MS);
  };
  find(".copy").addEventListener("click", () => copyText(recording.transcript.text));
  find(".copy-times").addEventListener("click", () => copyText(timedText(recording.transcript)));
  find(".wav").addEventListener("click", () => save(`${recording.name}.wav`, recording.sound));
  for (const button of root.querySelectorAll("[data-format]")) {
    button.addEventListener("click", () => {
      const { write, type, ending = button.dataset.format } = FORMATS[button.dataset.format];
      save(`${recording.name}.${ending}`, new Blob([write(recording.transcript, subtitleLimits())], { type }));
      closeMenu(find(".save"));
    });
  }
  listenToMenu(find(".save"));
}

/** Limits of subtitles that were chosen, as cues.js has them. */
export function subtitleLimits() {
  return { ...LIMITS, ...kept(KEPT_LIMITS) };
}

/** It closes by Escape, and when somebody goes on elsewhere. */
function listenToMenu(menu) {
  const closeOutside = ({ target }) => menu.contains(target) || closeMenu(menu);
  menu.addEventListener("toggle", () => {
    if (menu.open) {
      showLimits(menu);
      fit(menu);
    }
    document[menu.open ? "addEventListener" : "removeEventListener"]("pointerdown", closeOutside);
  });
  menu.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !menu.contains(relatedTarget)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    closeMenu(menu);
    menu.querySelector("summary").focus();
  });
  menu.addEventListener("change", ({ target }) => target.dataset.limit && keepLimit(target));
}

/** Open it to the side where there is more room, and no longer than that. */
function fit(menu) {
  const list = menu.querySelector(".menu");
  const { top, bottom } = list.offsetParent.getBoundingClientRect();
  const [above, below] = [top, innerHeight - bottom];
  menu.classList.toggle("below", below > above);
  list.style.maxHeight = `${Math.max(above, below) - MENU_MARGIN_PX}px`;
}

function closeMenu(menu) {
  menu.open = false;
}

function showLimits(menu) {
  for (const field of menu.querySelectorAll("[data-limit]")) {
    [field.min, field.max] = LIMIT_RANGES[field.dataset.limit];
    field.value = subtitleLimits()[field.dataset.limit];
  }
}

/** A number outside of its range becomes the nearest inside. */
function keepLimit(field) {
  const name = field.dataset.limit;
  const [least, most] = LIMIT_RANGES[name];
  const wanted = field.value === "" ? LIMITS[name] : Math.round(Number(field.value));
  field.value = Math.max(least, Math.min(most, wanted));
  keep(KEPT_LIMITS, { ...kept(KEPT_LIMITS), [name]: Number(field.value) });
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
