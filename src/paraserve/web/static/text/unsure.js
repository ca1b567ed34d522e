/** Words that the model was not sure of: whether they are marked in all texts of the page. */
import { keep, kept } from "../settings.js";
import { UNSURE } from "./text_nodes.js";

const KEPT = "marks_unsure";

export function listenToUnsure(root) {
  show(kept(KEPT) ?? true);
  root.querySelector(".marks-unsure").addEventListener("change", ({ target }) => {
    keep(KEPT, target.checked);
    show(target.checked);
  });
}

/** Offer the choice where there is such a word. */
export function offerUnsure(root, { sentences }) {
  const isUnsure = ({ confidence }) => confidence < UNSURE;
  root.querySelector(".unsure-switch").hidden = !sentences.some(({ tokens }) => tokens.some(isUnsure));
  root.querySelector(".marks-unsure").checked = kept(KEPT) ?? true;
}

function show(isWanted) {
  document.body.classList.toggle("marks-unsure-words", isWanted);
  for (const box of document.querySelectorAll(".marks-unsure")) box.checked = isWanted;
}
