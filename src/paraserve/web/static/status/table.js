/** Tables that follow their data: a row that stays keeps its place, its focus and what is selected in it. */
import { label, say } from "../words/words.js";

export class Table {
  #place;
  #columns;
  #rows = new Map(); // element by key

  /**
   * `place` is the element that the table goes into. `columns`: [{name, text, words, kind, isLate, button}], `name` being that
   * of its heading. `text` gives the text of a cell, `words` the arguments of `say`, `button` {words, label, click}.
   * `kind` is a class of the cells. Cells of which `isLate` says so stand out.
   */
  constructor(place, columns) {
    this.#place = place;
    this.#columns = columns;
  }

  /** Show these items. `keyOf` gives what tells one from the others. */
  show(items, keyOf) {
    if (!items.length) {
      this.#rows.clear();
      this.#showNone();
      return;
    }
    if (!this.#place.querySelector("table")) this.#begin();
    const body = this.#place.querySelector("tbody");
    const kept = new Map();
    for (const [n, item] of items.entries()) {
      const key = String(keyOf(item, n));
      const row = this.#rows.get(key) ?? this.#newRow();
      this.#fill(row, item);
      if (body.children[n] !== row) body.insertBefore(row, body.children[n] ?? null);
      kept.set(key, row);
    }
    for (const [key, row] of this.#rows) if (!kept.has(key)) row.remove();
    this.#rows = kept;
  }

  #showNone() {
    if (this.#place.querySelector(".empty")) return;
    const none = document.createElement("p");
    none.className = "empty";
    say(none, "status.none");
    this.#place.replaceChildren(none);
  }

  #begin() {
    const table = document.createElement("table");
    const headings = table.createTHead().insertRow();
    for (const column of this.#columns) {
      const heading = document.createElement("th");
      heading.scope = "col";
      if (column.kind === "figure") heading.className = "figure";
      say(heading, `status.column.${column.name}`);
      headings.append(heading);
    }
    table.createTBody();
    this.#place.replaceChildren(table);
  }

  #newRow() {
    const row = document.createElement("tr");
    for (const column of this.#columns) {
      const cell = row.insertCell();
      cell.append(document.createElement(column.button ? "button" : "span"));
      if (column.button) cell.firstElementChild.type = "button";
    }
    return row;
  }

  #fill(row, item) {
    for (const [n, column] of this.#columns.entries()) {
      const cell = row.cells[n];
      const inner = cell.firstElementChild;
      const words = column.words?.(item) ?? column.button?.words(item) ?? null;
      const text = column.text?.(item) ?? "";
      if (words) say(inner, ...words);
      else if (inner.textContent !== text) inner.textContent = text;
      cell.className = column.kind ?? "";
      cell.classList.toggle("late", Boolean(column.isLate?.(item)));
      cell.classList.toggle("none", !words && !text);
      cell.dataset.title = this.#place.querySelectorAll("th")[n].textContent;
      if (column.button) {
        inner.hidden = !words;
        inner.onclick = () => column.button.click(item);
        if (words) label(inner, ...column.button.label(item));
      }
    }
  }
}
