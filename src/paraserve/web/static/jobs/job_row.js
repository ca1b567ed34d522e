/** One job in the list. */
import { timeLeft } from "../files/progress.js";
import { clockText } from "../sound/clock_text.js";
import { dayOf, timeOf } from "../history/facts.js";
import { save } from "../saving.js";
import { spaceBetween } from "../transcripts/joining.js";
import { label, localise, plainWords, say } from "../words/words.js";

const FORMATS = { txt: "text", srt: "srt", vtt: "vtt", tsv: "tsv", ass: "ass", ttml: "ttml", lrc: "lrc", json: "json" };
const SURE_MS = 4000;
const OPEN = ["queued", "running"];

export class JobRow {
  element = document.getElementById("job").content.firstElementChild.cloneNode(true);
  #job;
  #requests;
  #listener;
  #following = null;

  /** `listener`: onOpen(job), onChange() when the list is to be read again, onError(error). */
  constructor(job, requests, listener) {
    this.#requests = requests;
    this.#listener = listener;
    localise(this.element);
    this.#listen();
    this.show(job);
  }

  /** Show what has become of the job. */
  show(job) {
    this.#job = job;
    const { state, error, filename, url, created } = job;
    const name = filename || url || job.id;
    this.element.dataset.state = state;
    this.#find(".job-name").textContent = name;
    const createdMs = Date.parse(created);
    this.#find(".job-created").textContent = `${dayOf(createdMs)}, ${timeOf(createdMs)}`;
    say(this.#find(".job-state"), job.is_cancelling ? "job.cancelling" : `job.${state}`);
    this.#showProgress(job.progress);
    this.#find(".problem").hidden = !error || state === "done";
    if (error) say(this.#find(".problem"), ...plainWords(error));
    this.#showButtons(job, name);
  }

  /** Nothing more is asked for. */
  leave() {
    this.#following?.abort();
  }

  #showProgress({ done_ms: doneMs, duration_ms: wholeMs, eta_s: etaS }) {
    const isRunning = this.#job.state === "running";
    const bar = this.#find("progress");
    bar.hidden = this.#find(".job-doing").hidden = !isRunning;
    if (!isRunning) return;
    if (wholeMs) bar.value = doneMs / wholeMs;
    else bar.removeAttribute("value");
    const values = { done: clockText(doneMs), whole: clockText(wholeMs ?? 0) };
    say(this.#find(".job-doing"), ...(wholeMs ? timeLeft("job.progress", etaS, values) : ["recognized.part", values]));
  }

  #showButtons({ state, has_transcript: hasText, is_cancelling: isCancelling }, name) {
    const isOpen = OPEN.includes(state);
    const shown = { open: hasText, format: hasText, follow: state === "running", cancel: isOpen && !isCancelling, delete: !isOpen };
    for (const [action, isShown] of Object.entries(shown)) {
      const control = this.#find(`.job-${action}`);
      control.hidden = !isShown;
      label(control, `job.${action}_of`, { name });
    }
    if (state !== "running") this.#showText(false);
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }

  #listen() {
    const on = (action, work) => this.#find(`.job-${action}`).addEventListener("click", () => this.#do(work));
    on("open", () => this.#listener.onOpen(this.#job));
    on("cancel", () => this.#requests.cancel(this.#job.id));
    on("delete", () => this.#delete());
    on("follow", () => this.#showText(!this.#following));
    this.#find(".job-format").addEventListener("change", ({ target }) => {
      const ending = target.value;
      target.value = "";
      this.#do(() => this.#save(ending));
    });
  }

  async #do(work) {
    try {
      await work();
      this.#listener.onChange();
    } catch (error) {
      this.#listener.onError(error);
    }
  }

  async #save(ending) {
    const answer = await this.#requests.transcript(this.#job.id, FORMATS[ending]);
    const name = (this.#job.filename ?? "").replace(/\.[^.]*$/, "") || this.#job.id;
    save(`${name}.${ending}`, await answer.blob());
  }

  /** What is deleted is gone for good, so it takes two clicks. */
  #delete() {
    const button = this.#find(".job-delete");
    if (button.dataset.say === "job.delete_sure") return this.#requests.remove(this.#job.id);
    say(button, "job.delete_sure");
    setTimeout(() => say(button, "job.delete"), SURE_MS);
    return null;
  }

  /** Show the text as it comes, or do not any more. */
  #showText(isWanted) {
    this.#following?.abort();
    this.#following = isWanted ? new AbortController() : null;
    this.#find(".job-text").hidden = !isWanted;
    this.#find(".job-follow").ariaExpanded = String(isWanted);
    if (isWanted) this.#follow(this.#following);
  }

  async #follow({ signal }) {
    const text = this.#find(".job-text");
    let last = "";
    text.textContent = "";
    const take = ({ name, data }) => {
      if (name === "progress") this.#showProgress(data);
      if (name !== "sentence") return;
      text.append(spaceBetween(last, data.text) + data.text);
      last = data.text;
      text.scrollTop = text.scrollHeight;
    };
    try {
      await this.#requests.follow(this.#job.id, take, signal);
      this.#listener.onChange();
    } catch (error) {
      if (!signal.aborted) this.#listener.onError(error);
    }
  }
}
