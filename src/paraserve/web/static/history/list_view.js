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
    this.#find("#history-search").addEventListener("input", () => this.#search());
    this.#find("#history-save").addEventListener("click", () => this.#save());
    this.#find("#history-clear").addEventListener("click", () => this.#remove([...this.#summaries.keys()]));
    const words = new MutationObserver(() => this.#search());
    words.observe(document.documentElement, { attributeFilter: ["lang"] });
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

  #search() {
    const query = this.#find("#history-search").value.trim();
    const all = [...this.#summaries.values()];
    this.#found = query ? search(all, query, titleOf) : all.map((summary) => ({ summary, places: [], count: 0 }));
    this.#find("#history-list").replaceChildren();
    this.#nShown = 0;
    this.#day = null;
    this.#showMore();
    this.#showState(query);
  }

  #showMore() {
    const list = this.#find("#history-list");
    this.#end.disconnect();
    const next = this.#found.slice(this.#nShown, this.#nShown + PAGE_ROWS);
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
    button.ariaDisabled = "true";
    const all = [...this.#summaries.keys()];
    await exportAll(this.#store, all, (n) => say(button, "history.saving", { n, of: all.length }));
    button.ariaDisabled = "false";
    say(button, "history.save");
  }

  #find(selector) {
    return this.#view.querySelector(selector);
  }
}
