/** Entries that are folded: of many files, each shows its name and the beginning of its text. */
import { say } from "../words/words.js";

/** Fold an entry, and let people open it. */
export function fold({ element: card }) {
  const button = card.querySelector(".fold") ?? newButton(card);
  setFolded(card, button, true);
}

/** Open an entry, and bring it into sight. */
export function unfold({ element: card }) {
  const button = card.querySelector(".fold");
  if (button) setFolded(card, button, false);
  card.scrollIntoView({ block: "start" });
}

function newButton(card) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain fold";
  button.addEventListener("click", () => setFolded(card, button, !card.classList.contains("folded")));
  card.prepend(button);
  return button;
}

function setFolded(card, button, isFolded) {
  card.classList.toggle("folded", isFolded);
  button.ariaExpanded = String(!isFolded);
  say(button, isFolded ? "unfold" : "fold");
}
