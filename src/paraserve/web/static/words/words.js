/** What the page says, in English and Chinese. */
import editing from "./editing.js";
import errors from "./errors.js";
import files from "./files.js";
import history from "./history.js";
import jobs from "./jobs.js";
import models from "./models.js";
import page from "./page.js";
import recording from "./recording.js";
import settings from "./settings.js";
import speaking from "./speaking.js";
import start from "./start.js";

const PARTS = [editing, errors, files, history, jobs, models, page, recording, settings, speaking, start];
const STRINGS = {
  en: Object.assign({}, ...PARTS.map((part) => part.en)),
  zh: Object.assign({}, ...PARTS.map((part) => part.zh)),
};

let language = "en";
const listeners = [];

/** Take the words of another page, which are not in everybody's way. `part`: {en, zh}. */
export function addWords(part) {
  for (const [name, strings] of Object.entries(part)) Object.assign(STRINGS[name], strings);
}

/** "en" or "zh". */
export function spokenLanguage() {
  return language;
}

/** Change the interface's language, everywhere. */
export function speak(name) {
  language = name;
  document.documentElement.lang = name;
  localise(document);
  for (const listener of listeners) listener();
}

/** `listener()` is called after each change of the language, for texts that are not marked. */
export function onSpeak(listener) {
  listeners.push(listener);
}

/** Put a text into an element, in whichever language is chosen now and later. `key` null: none. */
export function say(element, key, values = {}) {
  element.dataset.say = key ?? "";
  element.dataset.sayValues = JSON.stringify(values);
  const text = key ? phrase(key, values) : "";
  if (element.textContent !== text) element.textContent = text; // what is read aloud is read whenever it is set
}

/** The same for what a screen reader calls the element. */
export function label(element, key, values = {}) {
  element.dataset.sayLabel = key;
  element.dataset.sayLabelValues = JSON.stringify(values);
  element.setAttribute("aria-label", phrase(key, values));
}

/** Texts and labels of all marked elements below `root`. */
export function localise(root) {
  for (const element of root.querySelectorAll("[data-say]")) {
    say(element, element.dataset.say, JSON.parse(element.dataset.sayValues ?? "{}"));
  }
  for (const element of root.querySelectorAll("[data-say-label]")) {
    label(element, element.dataset.sayLabel, JSON.parse(element.dataset.sayLabelValues ?? "{}"));
  }
  for (const element of root.querySelectorAll("[data-say-placeholder]")) {
    element.placeholder = phrase(element.dataset.sayPlaceholder, {});
  }
}

/** An error's code in plain words: arguments for `say`. */
export function plainWords({ code, message }) {
  const key = `error.${code}`;
  return [key in STRINGS.en ? key : "error.other", { message: message || code }];
}

/** An answer's notice in plain words: arguments for `say`. Its figures are rounded as its own message rounds them. */
export function noticeWords({ notice, speech_ms = 0, recognized_ms = 0 }) {
  const key = `notice.${notice.code}`;
  if (!(key in STRINGS.en)) return ["notice.other", { message: notice.message }];
  return [key, { speech: seconds(speech_ms), missed: seconds(speech_ms - recognized_ms) }];
}

function seconds(ms) {
  return (ms / 1000).toFixed(ms < 10000 ? 1 : 0);
}

/** A text in the language that is chosen now. */
export function phrase(key, values = {}) {
  return STRINGS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
