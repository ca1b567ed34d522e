/** Shows the queue of files: how far all of them are, each of them, and what can be done with them. */
import { label, localise, say } from "../words/words.js";
import { Speed, timeLeft } from "./progress.js";

const $ = (id) => document.getElementById(id);

export class QueuePanel {
  #queue;
  #rows = new Map(); // of each item
  #speed = new Speed();
  #onOpen;

  /** `onOpen(item)` is called for an item whose text is wanted, `onSave()` when all of them are. */
  constructor(queue, { onOpen, onSave }) {
    this.#queue = queue;
    this.#onOpen = onOpen;
    $("queue-save").addEventListener("click", onSave);
    $("queue-pause").addEventListener("click", () => (queue.isPaused ? queue.resume() : queue.pause()));
    $("queue-again").addEventListener("click", () => {
      for (const item of queue.items.filter(({ state }) => state === "failed")) queue.tryAgain(item);
    });
    $("queue-clear").addEventListener("click", () => queue.clear());
  }

  /** Show what has changed. */
  show() {
    const { items, isPaused } = this.#queue;
    $("queue").hidden = items.length < 2 && !isPaused;
    if (!items.length) this.#speed = new Speed();
    this.#showRows(items);
    this.#showSum(items, isPaused);
  }

  #showSum(items, isPaused) {
    const count = (state) => items.filter((item) => item.state === state).length;
    const sizes = items.reduce((sum, { file }) => sum + file.size, 0);
    const done = items.reduce((sum, { file, fraction }) => sum + file.size * fraction, 0);
    this.#speed.note(done);
    const [open, failed] = [count("waiting") + count("working"), count("failed")];
    const values = { done: count("done"), all: items.length, failed };
    $("queue-progress").value = sizes ? done / sizes : 0;
    $("queue-progress").hidden = !open;
    const leftS = this.#speed.perS ? (sizes - done) / this.#speed.perS : null;
    if (isPaused) say($("queue-state"), "queue.paused", values);
    else if (open) say($("queue-state"), ...timeLeft("queue.state", leftS, values));
    else say($("queue-state"), failed ? "queue.failed" : "queue.finished", values);
    say($("queue-pause"), isPaused ? "queue.resume" : "queue.pause");
    $("queue-pause").hidden = !open;
    $("queue-again").hidden = !failed;
    $("queue-save").hidden = open > 0 || !values.done;
    $("queue-clear").hidden = !values.done;
  }

  #showRows(items) {
    for (const item of this.#rows.keys()) if (!items.includes(item)) this.#drop(item);
    items.forEach((item, n) => {
      const row = this.#rows.get(item) ?? this.#newRow(item);
      if ($("queue-rows").children[n] !== row) $("queue-rows").insertBefore(row, $("queue-rows").children[n] ?? null);
      showRow(row, item);
    });
  }

  #drop(item) {
    this.#rows.get(item).remove();
    this.#rows.delete(item);
  }

  #newRow(item) {
    const row = $("queue-row").content.firstElementChild.cloneNode(true);
    localise(row);
    const name = row.querySelector(".name");
    name.textContent = item.path;
    name.addEventListener("click", () => this.#onOpen(item));
    const actions = { ".next": "moveToFront", ".again": "tryAgain", ".off": "remove" };
    for (const [selector, action] of Object.entries(actions)) {
      const button = row.querySelector(selector);
      label(button, button.dataset.sayLabel, { name: item.path });
      button.addEventListener("click", () => this.#queue[action](item));
    }
    this.#rows.set(item, row);
    return row;
  }
}

function showRow(row, item) {
  const percent = Math.floor(item.fraction * 100);
  row.dataset.state = item.state;
  row.querySelector(".name").disabled = item.state === "waiting";
  say(row.querySelector(".row-state"), item.state === "working" ? "row.working" : `row.${item.state}`, { percent });
  row.querySelector(".next").hidden = item.state !== "waiting";
  row.querySelector(".again").hidden = item.state !== "failed";
}
