/** Files that wait for the server: two are worked on at once, the others in their order. None is lost. */
import { ServerError } from "../client/server.js";

const MOST_AT_ONCE = 2;
const MOST_BREAKS = 3; // of one file, which may be what breaks the connection
const LONGEST_WAIT_S = 30;
const HARMFUL = ["engine_stuck", "inference_timeout"]; // a file that did this may do it again
const LOCKED = ["too_many_wrong_keys"]; // waiting does not help

/**
 * An item is {file, path, state, fraction, error, cancel, breaks}. `state` is "waiting", "working", "done" or "failed";
 * `fraction` of it is done; `error` is why it failed, or why it waits again; `cancel` is an AbortController.
 */
export class FileQueue {
  items = [];
  isPaused = false;
  #send;
  #isServerThere;
  #onChange;
  #atOnce = MOST_AT_ONCE;
  #isHeld = false;

  /**
   * `send(item)` resolves when an item is done, and rejects with a ServerError, or when the item's signal says so.
   * `isServerThere()` resolves to whether the server answers. `onChange(item)` is called when an item has another
   * state, and without an item after all other changes.
   */
  constructor({ send, isServerThere, onChange }) {
    this.#send = send;
    this.#isServerThere = isServerThere;
    this.#onChange = onChange;
  }

  /** Add files: [{file, path}]. Returns how many were left out, since they wait or are worked on already. */
  add(files) {
    if (this.items.every(({ state }) => state === "done")) this.items = []; // another batch
    const open = new Set(this.items.filter(isOpen).map(identity));
    const added = files.filter((one) => !open.has(identity(one)) && open.add(identity(one)));
    this.items.push(...added.map((one) => ({ ...one, state: "waiting", fraction: 0, error: null, breaks: 0 })));
    this.#advance();
    return files.length - added.length;
  }

  /** Take an item off the list, and give up what is being done with it. */
  remove(item) {
    this.items = this.items.filter((one) => one !== item);
    item.cancel?.abort();
    this.#advance();
  }

  /** Let an item that waits be the next one. */
  moveToFront(item) {
    const others = this.items.filter((one) => one !== item);
    const at = others.findIndex(({ state }) => state === "waiting");
    others.splice(at < 0 ? others.length : at, 0, item);
    this.items = others;
    this.#onChange();
  }

  tryAgain(item) {
    Object.assign(item, { state: "waiting", fraction: 0, error: null, breaks: 0 });
    if (!this.items.includes(item)) this.items.push(item);
    this.#onChange(item);
    this.#advance();
  }

  /** What is being worked on goes on; nothing else begins. */
  pause() {
    this.isPaused = true;
    this.#onChange();
  }

  resume() {
    this.isPaused = false;
    this.#advance();
  }

  /** Forget the items that are done. */
  clear() {
    this.items = this.items.filter(isOpen);
    this.#onChange();
  }

  #advance() {
    while (!this.isPaused && !this.#isHeld && this.#count("working") < this.#atOnce && this.#count("waiting")) {
      this.#work(this.items.find(({ state }) => state === "waiting"));
    }
    this.#onChange();
  }

  #count(state) {
    return this.items.filter((item) => item.state === state).length;
  }

  async #work(item) {
    Object.assign(item, { state: "working", error: null, cancel: new AbortController() });
    this.#onChange(item);
    try {
      await this.#send(item);
      Object.assign(item, { state: "done", fraction: 1 });
      this.#onChange(item);
    } catch (error) {
      if (error instanceof ServerError) this.#failed(item, error);
      else if (!item.cancel.signal.aborted) throw error;
    }
    this.#advance();
  }

  /** What may pass is tried again. */
  #failed(item, error) {
    const isBroken = error.code === "no_connection";
    if (isBroken || HARMFUL.includes(error.code)) item.breaks += 1;
    const mayPass = isBroken || (error.retryAfterS !== null && !LOCKED.includes(error.code));
    const isTriedAgain = mayPass && item.breaks < MOST_BREAKS;
    Object.assign(item, { state: isTriedAgain ? "waiting" : "failed", fraction: 0, error });
    this.#onChange(item);
    if (!isTriedAgain || this.#isHeld) return;
    this.#isHeld = true;
    this.#wait(error, isBroken).then(() => {
      this.#isHeld = false;
      this.#advance();
    });
  }

  /** Until the server answers, or for as long as it says. A server that is full gets no more at once than it took. */
  async #wait({ retryAfterS }, isBroken) {
    if (!isBroken) {
      this.#atOnce = Math.max(1, Math.min(this.#atOnce, this.#count("working")));
      await seconds(retryAfterS);
      return;
    }
    for (let waitS = 1; ; waitS = Math.min(LONGEST_WAIT_S, waitS * 2)) {
      await seconds(waitS);
      if (await this.#isServerThere()) return;
    }
  }
}

function isOpen({ state }) {
  return state !== "done";
}

function identity({ file, path }) {
  return `${path}|${file.size}|${file.lastModified}`;
}

function seconds(count) {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}
