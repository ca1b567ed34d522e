/** The view of all recordings that this browser keeps. */
import { say } from "../words/words.js";
import { bytesOf, dayOf, numberOf, sizeOf, titleOf } from "./facts.js";
import { exportAll } from "./export.js";
import { removeRecordings } from "./removing.js";
import { rowOf } from "./row.js";
import { search } from "./search.js";

const PAGE_ROWS = 25; // more of them follow when the last one comes into sight

export class HistoryList {
  #view;
  #store;
  #entries;
  #summaries = new Map(); // by id, newest first
  #found = [];
  #nShown = 0;
  #day = null;
  #end;

  /** `view` is the section, `store` keeps the recordings, `entries` shows them. */
  constructor(view, store, entries) {
    this.#view = view;
    this.#store = store;
    this.#entries = entries;
    this.#end = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.#showMore());
    this.#find("#history-search").addEventListener("input", () => this.#search(PAGE_ROWS));
    this.#find("#history-save").addEventListener("click", () => this.#save());
    this.#find("#history-clear").addEventListener("click", () => this.#remove(this.#foundIds));
    const language = new MutationObserver(() => this.#search());
    language.observe(document.documentElement, { attributeFilter: ["lang"] });
  }

  /** Read all again. */
  async load() {
    await this.#store.flush();
    const isThere = await this.#store.isThere();
    this.#summaries = new Map((await this.#store.all()).map((one) => [one.id, one]));
    this.#find("#history-nothing").dataset.key = isThere ? "history.empty" : "history.not_there";
    this.#search();
  }

  /** A recording was kept, changed or removed. */
  async changed(id) {
    if (this.#view.hidden) return; // it is loaded when it is seen
    const summary = await this.#store.summary(id);
    const isNew = !this.#summaries.has(id);
    if (summary) this.#summaries.set(id, summary);
    else this.#summaries.delete(id);
    if (isNew) this.#summaries = new Map([...this.#summaries].sort(([, a], [, b]) => b.createdMs - a.createdMs));
    const isBusy = this.#find("#history-list").contains(document.activeElement?.closest("input"));
    if (!isBusy) this.#search();
  }

  get #foundIds() {
    return this.#found.map(({ summary }) => summary.id);
  }

  /** Show what is found, so many rows or as many as there were, with the focus where it was. */
  #search(nRows = Math.max(PAGE_ROWS, this.#nShown)) {
    const query = this.#find("#history-search").value.trim();
    const all = [...this.#summaries.values()];
    this.#found = query ? search(all, query, titleOf) : all.map((summary) => ({ summary, places: [], count: 0 }));
    const focus = this.#focus;
    this.#find("#history-list").replaceChildren();
    this.#nShown = 0;
    this.#day = null;
    this.#showMore(nRows);
    this.#focus = focus;
    this.#showState(query);
  }

  /** The row with the focus, by its number, and which of its buttons has it; null: none. */
  get #focus() {
    const row = document.activeElement.closest(".kept");
    return row && { row: this.#rows.indexOf(row), button: document.activeElement.classList[0] };
  }

  set #focus(focus) {
    if (!focus) return;
    const row = this.#rows[Math.min(focus.row, this.#rows.length - 1)]; // the last one may have been deleted
    (row?.querySelector(`.${focus.button}`) ?? this.#find("#history-search")).focus();
  }

  get #rows() {
    return [...this.#view.querySelectorAll(".kept")];
  }

  #showMore(nRows = PAGE_ROWS) {
    const list = this.#find("#history-list");
    this.#end.disconnect();
    const next = this.#found.slice(this.#nShown, this.#nShown + nRows);
    this.#nShown += next.length;
    const rows = next.flatMap((found) => this.#rowsOf(found));
    list.append(...rows);
    if (this.#nShown < this.#found.length) this.#end.observe(rows.at(-1));
  }

  /** Before the first recording of a day stands the day. */
  #rowsOf(found) {
    const { summary } = found;
    const row = rowOf(found, {
      onOpen: (offset) => this.#open(summary.id, offset),
      onRename: (title) => this.#rename(summary.id, title),
      onRemove: () => this.#remove([summary.id]),
    });
    const day = dayOf(summary.createdMs);
    if (day === this.#day) return [row];
    this.#day = day;
    const heading = document.createElement("li");
    heading.className = "day";
    heading.textContent = day;
    return [heading, row];
  }

  #showState(query) {
    const all = [...this.#summaries.values()];
    const nothing = this.#find("#history-nothing");
    nothing.hidden = this.#found.length > 0;
    say(nothing, all.length ? "history.none_found" : nothing.dataset.key, { query });
    this.#find(".history-tools").hidden = all.length === 0;
    for (const name of ["save", "clear"]) {
      const button = this.#find(`#history-${name}`);
      button.hidden = this.#found.length === 0;
      say(button, `history.${name}${query ? ".found" : ""}`);
    }
    const key = query ? "history.found" : "history.size";
    const [found, n] = [this.#found.length, all.length].map(numberOf);
    say(this.#find("#history-size"), all.length ? key : null, { found, n, size: sizeOf(bytesOf(all)) });
  }

  async #open(id, offset) {
    const entry = await this.#entries.open(id);
    if (!entry) return;
    location.hash = "#/";
    addEventListener("hashchange", () => this.#entries.show(entry, offset), { once: true });
  }

  async #rename(id, title) {
    const entry = this.#entries.find(id);
    if (entry) entry.rename(title);
    else await this.#store.rename(id, title);
    await this.#store.flush();
  }

  #remove(ids) {
    return removeRecordings(this.#store, this.#entries, ids);
  }

  async #save() {
    const button = this.#find("#history-save");
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    const ids = this.#foundIds;
    await exportAll(this.#store, ids, (n) => say(button, "history.saving", { n, of: ids.length }));
    button.ariaDisabled = "false";
    this.#search();
  }

  #find(selector) {
    return this.#view.querySelector(selector);
  }
}
