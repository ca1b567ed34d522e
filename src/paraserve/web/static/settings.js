/** The choices of the form, kept by the browser from one visit to the next. */
import { readHotwords } from "./hotwords.js";

const KEY = "paraserve";
const FIELDS = ["mode", "model", "language", "itn", "hotwords", "channel", "key", "keep"];

/** Fill the form, or the fields of it that the page has, and keep what is chosen. Returns the interface's language. */
export function openSettings() {
  for (const name of FIELDS) {
    const field = document.getElementById(name);
    if (!field) continue;
    field.addEventListener("change", () => keep(name, valueOf(name)));
    choose(name);
  }
  return kept("interface") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
}

/** Put into a field what was chosen last. A list that has no such choice shows its first one. */
export function choose(name) {
  const field = document.getElementById(name);
  const value = kept(name);
  if (value !== undefined) field[field.type === "checkbox" ? "checked" : "value"] = value;
  if (field.selectedIndex === -1) field.selectedIndex = 0;
}

/** What was kept under a name; undefined: nothing. */
export function kept(name) {
  return read()[name];
}

/** Keep a choice. Where the browser keeps nothing (private windows of some) it lasts as long as the page. */
export function keep(name, value) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...read(), [name]: value }));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

/**
 * What is chosen: {mode, model, language, itn, hotwords, channel, key, keep}, the hotwords with their weights. No model:
 * the server chooses.
 */
export function choices() {
  const hotwords = readHotwords(valueOf("hotwords"));
  const names = ["mode", "model", "language", "itn", "channel", "keep"];
  return { ...Object.fromEntries(names.map((name) => [name, valueOf(name)])), hotwords, key: valueOf("key").trim() };
}

function valueOf(name) {
  const field = document.getElementById(name);
  return field.type === "checkbox" ? field.checked : field.value;
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch (error) {
    if (error instanceof DOMException || error instanceof SyntaxError) return {};
    throw error;
  }
}
