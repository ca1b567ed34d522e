/** Find and replace in the text of a recording. */
import { findIn, replaced } from "../transcripts/finding.js";
import { say } from "../words/words.js";
import { rangeIn } from "./text_nodes.js";

export class Finder {
  #form;
  #view;
  #editing;
  #matches = [];
  #current = -1;

  /** `form` is its bar, `view` a TextView, `editing` an Editing. */
  constructor(form, view, editing) {
    this.#form = form;
    this.#view = view;
    this.#editing = editing;
    view.onFilled = () => this.isOpen && this.#mark();
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => !event.target.matches(".replacement") && this.#search());
    form.addEventListener("keydown", (event) => this.#key(event));
    const buttons = {
      ".previous": () => this.#step(-1),
      ".next": () => this.#step(1),
      ".replace-one": () => this.#replaceOne(),
      ".replace-all": () => this.#replaceAll(),
      ".close": () => this.close(),
    };
    for (const [name, act] of Object.entries(buttons)) this.#find(name).addEventListener("click", act);
  }

  get isOpen() {
    return !this.#form.hidden;
  }

  /** `replaces`: begin with what is put in its place. */
  open({ replaces = false } = {}) {
    const selected = getSelection().toString().trim();
    this.#form.hidden = false;
    if (selected && !selected.includes("\n")) this.#find(".query").value = selected;
    const field = this.#find(replaces && this.#find(".query").value ? ".replacement" : ".query");
    field.focus();
    field.select();
    this.#search();
  }

  close() {
    this.#form.hidden = true;
    this.#matches = [];
    this.#mark();
    this.#view.root.focus({ preventScroll: true });
  }

  /** The text has changed. */
  update() {
    if (this.isOpen) this.#search({ reveals: false });
  }

  /** Find from the place on where the last search was. */
  #search({ reveals = true } = {}) {
    const { at = 0, start = 0 } = this.#matches[this.#current] ?? {};
    const options = { isExact: this.#find(".exact").checked, isWhole: this.#find(".whole").checked };
    this.#matches = findIn(this.#view.sentences, this.#find(".query").value, options);
    const next = this.#matches.findIndex((match) => match.at > at || (match.at === at && match.start >= start));
    this.#show(next < 0 && this.#matches.length ? 0 : next, reveals);
  }

  #step(step) {
    const count = this.#matches.length;
    if (count) this.#show((this.#current + step + count) % count);
  }

  #show(current, reveals = true) {
    this.#current = current;
    const [query, count] = [this.#find(".query").value.trim(), this.#matches.length];
    say(this.#find(".count"), count ? "find.count" : query ? "find.none" : null, { n: current + 1, count });
    for (const name of [".previous", ".next", ".replace-one", ".replace-all"]) this.#find(name).disabled = !count;
    if (reveals && this.#matches[current]) this.#view.reveal(this.#rangeOf(this.#matches[current]));
    this.#mark();
  }

  #replaceOne() {
    const match = this.#matches[this.#current];
    if (!match) return;
    const replacement = this.#find(".replacement").value;
    this.#matches[this.#current] = { ...match, start: match.start + replacement.length }; // go on behind it
    this.#editing.setTexts(replaced(this.#view.sentences, [match], replacement));
    this.#search();
  }

  #replaceAll() {
    const count = this.#matches.length;
    this.#editing.setTexts(replaced(this.#view.sentences, this.#matches, this.#find(".replacement").value));
    if (count) say(this.#find(".count"), "find.replaced", { count });
  }

  #rangeOf({ at, start, end }) {
    return rangeIn(this.#view.nodeOf(this.#view.sentences[at]), start, end);
  }

  /** Colour what can be seen of the matches, without changing the text; browsers that cannot only scroll to them. */
  #mark() {
    if (!globalThis.Highlight || !CSS.highlights) return;
    const current = this.#matches[this.#current];
    const near = this.#matches.filter(({ at }) => this.#view.isFilled(this.#view.sentences[at]));
    const ranges = near.filter((match) => match !== current).map((match) => this.#rangeOf(match));
    CSS.highlights.set("found", new Highlight(...ranges));
    CSS.highlights.set("found-now", new Highlight(...(near.includes(current) ? [this.#rangeOf(current)] : [])));
  }

  #key(event) {
    const inReplacement = event.target.matches(".replacement");
    if (event.isComposing) return;
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && inReplacement) this.#replaceOne();
    else if (event.key === "Enter" && event.target.matches(".query")) this.#step(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #find(selector) {
    return this.#form.querySelector(selector);
  }
}
