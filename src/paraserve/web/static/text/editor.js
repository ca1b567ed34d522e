/** Editing of one sentence at its place in the text. */
import { label } from "../words/words.js";
import { offsetIn } from "./text_nodes.js";

export class Editor {
  #view;
  #editing;
  #sentence = null; // that is edited

  /** `view` is a TextView, `editing` an Editing. */
  constructor(view, editing) {
    this.#view = view;
    this.#editing = editing;
    view.root.addEventListener("dblclick", (event) => this.#doubleClicked(event));
    view.root.addEventListener("focusout", (event) => {
      if (event.target === this.#node) this.finish({ keepsFocus: false });
    });
    view.root.addEventListener("keydown", (event) => this.#key(event));
    view.root.addEventListener("paste", (event) => this.#pasted(event));
  }

  get isOpen() {
    return this.#sentence !== null;
  }

  /** Number of the sentence that is edited. */
  get at() {
    return this.#view.sentences.indexOf(this.#sentence);
  }

  /** Open a sentence, with the cursor at a place of its text. */
  open(sentence, place = sentence.text.length) {
    if (sentence === this.#sentence) return;
    this.finish();
    this.#sentence = sentence;
    const node = this.#node;
    node.textContent = sentence.text;
    node.classList.add("editing");
    node.contentEditable = "true"; // "plaintext-only" is too new for some browsers
    node.role = "textbox";
    node.spellcheck = false;
    label(node, "edit.sentence");
    node.focus({ preventScroll: true });
    getSelection().collapse(node.firstChild ?? node, place);
    this.#view.reveal(node);
  }

  /** Take what has been written. `keepsFocus`: the keyboard stays in the text. */
  finish({ keepsFocus = true } = {}) {
    if (!this.isOpen) return;
    const [at, text] = [this.at, this.text];
    this.#close(keepsFocus);
    this.#editing.setText(at, text);
  }

  /** Leave the sentence as it was. */
  cancel() {
    if (this.isOpen) this.#close();
  }

  /** What has been written so far; line breaks that a browser puts in are spaces. */
  get text() {
    return this.#node.textContent.replace(/\s/g, " ");
  }

  get #node() {
    return this.#sentence && this.#view.nodeOf(this.#sentence);
  }

  #close(keepsFocus = true) {
    const [node, sentence] = [this.#node, this.#sentence];
    this.#sentence = null;
    node.classList.remove("editing");
    node.removeAttribute("contenteditable");
    node.removeAttribute("role");
    node.removeAttribute("aria-label");
    delete node.dataset.sayLabel;
    this.#view.refresh(sentence);
    if (keepsFocus) this.#view.root.focus({ preventScroll: true });
  }

  #doubleClicked(event) {
    const sentence = this.#view.sentenceOf(event.target);
    if (!sentence || sentence === this.#sentence) return;
    const place = placeAt(event.clientX, event.clientY);
    const node = this.#view.nodeOf(sentence);
    const isInside = place && node.contains(place.container);
    this.open(sentence, isInside ? offsetIn(node, place.container, place.offset) : sentence.text.length);
  }

  #key(event) {
    if (!this.isOpen || event.isComposing) return;
    const isTaken = this.#take(event, event.ctrlKey || event.metaKey);
    if (isTaken) event.preventDefault();
    if (isTaken || event.key.length === 1) event.stopPropagation(); // letters are no commands here
  }

  #take({ key, shiftKey }, hasControl) {
    if (key === "Escape") this.cancel();
    else if (key === "Enter" && hasControl) this.finish();
    else if (key === "Enter") this.#split();
    else if (key === "Backspace" && this.#isCursorAt(0)) return this.#join(this.at - 1);
    else if (key === "Delete" && this.#isCursorAt(this.#node.textContent.length)) return this.#join(this.at);
    else if (hasControl && key.toLowerCase() === "z" && this.text === this.#sentence.text) {
      this.cancel();
      if (shiftKey) this.#editing.redo();
      else this.#editing.undo();
    } else return false;
    return true;
  }

  /** At the end of a sentence Enter leads to the next one. */
  #split() {
    const [at, text, place] = [this.at, this.text, this.#cursor];
    this.#close();
    if (text.slice(place).trim() && text.slice(0, place).trim()) this.#editing.split(at, text, place);
    else this.#editing.setText(at, text);
    const next = this.#view.sentences[at + 1];
    if (next) this.open(next, 0);
  }

  /** Join sentence number `at` with the next one; one of them is the one that is edited. */
  #join(at) {
    if (!this.#editing.canJoin(at)) return false;
    const texts = [at, at + 1].map((n) => (n === this.at ? this.text.trim() : this.#view.sentences[n].text));
    this.#close();
    this.#editing.join(at, texts);
    this.open(this.#view.sentences[at], this.#view.sentences[at].text.length - texts[1].length);
    return true;
  }

  #isCursorAt(place) {
    return getSelection().isCollapsed && this.#cursor === place;
  }

  get #cursor() {
    const { focusNode, focusOffset } = getSelection();
    return this.#node.contains(focusNode) ? offsetIn(this.#node, focusNode, focusOffset) : -1;
  }

  /** Text without its looks and lines. */
  #pasted(event) {
    if (!this.isOpen) return;
    event.preventDefault();
    document.execCommand("insertText", false, event.clipboardData.getData("text/plain").replace(/\s+/g, " "));
  }
}

/** {container, offset} of the text at a place on the screen, null where there is none. */
function placeAt(x, y) {
  if (document.caretPositionFromPoint) {
    const place = document.caretPositionFromPoint(x, y);
    return place && { container: place.offsetNode, offset: place.offset };
  }
  const range = document.caretRangeFromPoint(x, y);
  return range && { container: range.startContainer, offset: range.startOffset };
}
