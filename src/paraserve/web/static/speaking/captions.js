/** Live captions: the last sentences in large letters, grey while they may change. */
import { kept, keep } from "../settings.js";

const MAX_LINES = 24; // that can be scrolled back to; the recording's card has them all
const SIZES_REM = [1.25, 1.5, 1.875, 2.25, 2.75, 3.5, 4.5, 6];
const USUAL_SIZE = 2;
const NEAR_END_PX = 16;

const $ = (id) => document.getElementById(id);

export class Captions {
  #lines = $("caption-lines");
  #open = null; // the line of the sentence that is being spoken
  #isFollowing = true; // false while somebody reads further up
  #size;

  constructor() {
    const size = kept("captionSize");
    this.#resize(Number.isInteger(size) ? size : USUAL_SIZE);
    this.#lines.addEventListener("scroll", () => this.#scrolled());
    new ResizeObserver(() => this.#follow()).observe(this.#lines);
    $("newest").addEventListener("click", () => this.#goToEnd());
    $("smaller").addEventListener("click", () => this.changeSize(-1));
    $("larger").addEventListener("click", () => this.changeSize(1));
  }

  /** Begin without a line. */
  clear() {
    this.#lines.replaceChildren();
    this.#open = null;
    this.#goToEnd();
  }

  /** The text of the open sentence, in place of the one before. */
  showPartial(text) {
    if (!text && !this.#open) return;
    this.#open ??= this.#addLine("growing");
    this.#open.textContent = text;
    this.#follow();
  }

  /** A final text: its first sentence takes the place of the open one. */
  append(text, sentences) {
    const texts = sentences.map((sentence) => sentence.text);
    for (const one of texts.length ? texts : [text.trim()]) {
      const line = this.#open ?? this.#addLine("growing");
      line.textContent = one;
      line.className = "line";
      this.#open = null;
    }
    this.#follow();
  }

  /** `step` 1: larger letters, -1: smaller ones. They stay so for the next visit. */
  changeSize(step) {
    this.#resize(this.#size + step);
    keep("captionSize", this.#size);
    this.#follow();
  }

  #resize(size) {
    this.#size = Math.max(0, Math.min(SIZES_REM.length - 1, size));
    $("captions").style.setProperty("--caption", `${SIZES_REM[this.#size]}rem`);
    $("smaller").ariaDisabled = String(this.#size === 0);
    $("larger").ariaDisabled = String(this.#size === SIZES_REM.length - 1);
  }

  #addLine(kind) {
    const line = document.createElement("p");
    line.className = `line ${kind}`;
    this.#lines.append(line);
    // In a frame of their own: the browser then keeps what is seen where it is.
    requestAnimationFrame(() => requestAnimationFrame(() => this.#dropOld()));
    return line;
  }

  #dropOld() {
    while (this.#isFollowing && this.#lines.childElementCount > MAX_LINES) this.#lines.firstElementChild.remove();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#lines;
    this.#isFollowing = scrollHeight - scrollTop - clientHeight <= NEAR_END_PX;
    $("newest").hidden = this.#isFollowing;
  }

  #follow() {
    if (this.#isFollowing) this.#lines.scrollTop = this.#lines.scrollHeight;
  }

  #goToEnd() {
    this.#isFollowing = true;
    $("newest").hidden = true;
    this.#follow();
  }
}
