/** Keeps what is played, or the end of a text that grows, in sight; yields to a reader who scrolls elsewhere. */
const OWN_SCROLL_MS = 700; // a smooth scroll is over by then
const NEAR_END_PX = 40;

export class Following {
  followsEnd = false;
  #root;
  #element = null;
  #isYielding = false;
  #isAtEnd = true;
  #ownUntil = 0;

  /** `root` is what scrolls. */
  constructor(root) {
    this.#root = root;
    root.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  /** `element` is played. */
  see(element) {
    this.#element = element;
    if (!this.#isYielding && !this.#shows(element)) this.reveal(element);
  }

  /** Bring it into sight, and follow from there. */
  reveal(element) {
    this.#element = element;
    this.#isYielding = false;
    if (this.#shows(element)) return;
    const [box, own] = [element.getBoundingClientRect(), this.#root.getBoundingClientRect()];
    this.#scrollTo(this.#root.scrollTop + box.top - own.top - own.height / 3);
  }

  /** The text has changed. */
  end() {
    if (this.followsEnd && this.#isAtEnd) this.#scrollTo(this.#root.scrollHeight, "instant");
  }

  #scrollTo(top, behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth") {
    this.#ownUntil = performance.now() + OWN_SCROLL_MS;
    this.#root.scrollTo({ top, behavior });
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#root;
    this.#isAtEnd = scrollHeight - clientHeight - scrollTop < NEAR_END_PX;
    if (performance.now() > this.#ownUntil) this.#isYielding = Boolean(this.#element) && !this.#shows(this.#element);
  }

  #shows(element) {
    const [box, own] = [element.getBoundingClientRect(), this.#root.getBoundingClientRect()];
    return box.top >= own.top && box.bottom <= own.bottom;
  }
}
