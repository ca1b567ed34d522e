/** A row of the history. */
import { clockText } from "../sound/clock_text.js";
import { localise, plainWords, phrase } from "../words/words.js";
import { timeOf, titleOf } from "./facts.js";
import { around } from "./search.js";

const FIRST_WORDS = 160;

/**
 * The row of a recording: {summary, places} as search.js finds them. `on`: onOpen(offset), onRename(title), onRemove().
 */
export function rowOf({ summary, places, count }, on) {
  const row = document.getElementById("kept").content.firstElementChild.cloneNode(true);
  const find = (selector) => row.querySelector(selector);
  localise(row);
  row.dataset.source = summary.source;
  find(".open").textContent = titleOf(summary);
  find(".first-words").textContent = places.length ? "" : summary.text.slice(0, FIRST_WORDS);
  find(".facts").append(...factsOf(summary));
  find(".places").append(...places.map((place) => placeNode(summary, place, on)));
  if (count > places.length) find(".places").append(phrase("history.more", { n: count - places.length }));
  find(".open").addEventListener("click", () => on.onOpen());
  find(".rename").addEventListener("click", () => rename(row, summary, on));
  find(".delete").addEventListener("click", () => on.onRemove());
  const isBusy = summary.state !== "done";
  for (const button of row.querySelectorAll("button")) button.disabled = isBusy;
  return row;
}

function factsOf({ createdMs, durationMs, soundBytes, state, error }) {
  const facts = [timeOf(createdMs)];
  if (durationMs) facts.push(clockText(durationMs));
  if (state !== "done") facts.push(phrase("history.working"));
  else if (!soundBytes) facts.push(phrase("history.no_sound"));
  const nodes = facts.map((fact) => node("span", fact));
  if (error) nodes.push(node("span", phrase(...(error.code === "interrupted" ? ["history.interrupted"] : plainWords(error))), "failed"));
  return nodes;
}

/** A match with the text around it, which leads to it. */
function placeNode(summary, place, on) {
  const [before, match, after] = around(summary.text, place);
  const button = node("button", "", "place");
  button.type = "button";
  button.append(before, node("mark", match), after);
  button.addEventListener("click", () => on.onOpen(place.offset));
  return button;
}

/** The title becomes a field: Enter and leaving it keep what was written, Escape does not. */
function rename(row, summary, on) {
  const title = row.querySelector(".open");
  const field = node("input", "", "new-title");
  Object.assign(field, { value: titleOf(summary), maxLength: 200, ariaLabel: phrase("rename") });
  const end = (isKept) => {
    field.onblur = null;
    const text = field.value.trim();
    if (isKept && text) title.textContent = text;
    field.replaceWith(title);
    title.focus();
    if (isKept && text && text !== titleOf(summary)) on.onRename(text);
  };
  field.onblur = () => end(true);
  field.onkeydown = (event) => {
    if (event.isComposing) return; // Enter chooses a Chinese word
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault(); // the title that gets the focus would take Enter for a click
    end(event.key === "Enter");
  };
  title.replaceWith(field);
  field.select();
}

function node(name, text, className = "") {
  return Object.assign(document.createElement(name), { textContent: text, className });
}
