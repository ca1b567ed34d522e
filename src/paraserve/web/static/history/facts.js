/** What people read of a kept recording. */
import { phrase, spokenLanguage } from "../words/words.js";

let made = {};

/** Its title as it is read now. */
export function titleOf({ title }) {
  return typeof title === "string" ? title : phrase(title.key, title.values);
}

/** "Today", "Yesterday", or the date. */
export function dayOf(ms) {
  const [day, today] = [new Date(ms), new Date()].map((date) => date.setHours(0, 0, 0, 0));
  const nDays = Math.round((day - today) / 86_400_000); // days of 23 and of 25 hours, too
  if (nDays > -2 && nDays < 1) return capitalised(formats().near.format(nDays, "day"));
  return formats().day.format(ms);
}

export function timeOf(ms) {
  return formats().time.format(ms);
}

export function numberOf(n) {
  return n.toLocaleString(locale());
}

/** About what the browser needs for recordings with these summaries. */
export function bytesOf(summaries) {
  return summaries.reduce((sum, { soundBytes, text }) => sum + soundBytes + 2 * text.length, 0);
}

/** Bytes in kB or MB. */
export function sizeOf(bytes) {
  const [amount, unit] = bytes < 1e6 ? [bytes / 1e3, "kilobyte"] : [bytes / 1e6, "megabyte"];
  const maximumFractionDigits = amount < 10 ? 1 : 0;
  return amount.toLocaleString(locale(), { style: "unit", unit, maximumFractionDigits });
}

/** The interface's language, with the region that the browser is set to if it is of that language. */
export function locale() {
  const language = spokenLanguage();
  return navigator.languages.find((name) => name.startsWith(language)) ?? language;
}

/** Made once for a language: a browser takes longer for that than for a row of the list. */
function formats() {
  const name = locale();
  if (made.name !== name) {
    made = {
      name,
      near: new Intl.RelativeTimeFormat(name, { numeric: "auto" }),
      day: new Intl.DateTimeFormat(name, { year: "numeric", month: "long", day: "numeric", weekday: "long" }),
      time: new Intl.DateTimeFormat(name, { hour: "2-digit", minute: "2-digit" }),
    };
  }
  return made;
}

function capitalised(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
