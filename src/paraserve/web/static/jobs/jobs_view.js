/** The view of the server's jobs: recordings that it keeps and works on, whether this page is open or not. */
import { ServerError } from "../client/server.js";
import { newRecording } from "../recording/recording.js";
import { choices } from "../settings.js";
import { onSpeak, plainWords, say } from "../words/words.js";
import { JobRow } from "./job_row.js";
import { JobRequests } from "./requests.js";
import { submitFile } from "./resumable.js";

const POLL_MS = 2000;
const SLOW_POLL_MS = 15_000;
const OPEN = ["queued", "running"];

const $ = (id) => document.getElementById(id);

export class JobsView {
  #requests = new JobRequests(() => choices().key);
  #entries;
  #rows = new Map(); // by id of the job
  #files = new Map(); // sent by this page, whose sound can be played
  #next = null;
  #timer = 0;
  #isListLost = false;

  /** `entries` shows the texts of jobs. */
  constructor(entries) {
    this.#entries = entries;
    $("jobs-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submitAddress($("jobs-address").value.trim());
    });
    $("jobs-more").addEventListener("click", () => this.#showMore());
    onSpeak(() => this.#view.hidden || this.load()); // days have names
  }

  /** Read the list, now and again for as long as it is seen. */
  async load() {
    clearTimeout(this.#timer);
    let waitMs = SLOW_POLL_MS;
    try {
      const { data, next } = await this.#requests.list();
      if (this.#isListLost) this.#showProblem(null); // another one stays until the next attempt
      this.#isListLost = false;
      this.#showJobs(data, next);
      if (data.some(({ state }) => OPEN.includes(state))) waitMs = POLL_MS;
    } catch (error) {
      this.#isListLost = true;
      this.#showProblem(error);
    }
    clearTimeout(this.#timer); // another call may have come first
    if (!this.#view.hidden) this.#timer = setTimeout(() => this.load(), waitMs);
  }

  /** Submit files, one after the other. */
  async submit(files) {
    this.#showProblem(null);
    for (const file of files) {
      const row = new UploadRow(file);
      await this.#try(async () => {
        const send = submitFile(this.#requests, file, fieldsOf(choices()), (part) => row.show(part), row.signal);
        this.#files.set(await send, file);
      }, row.signal);
      row.remove();
      await this.load();
    }
  }

  async #submitAddress(url) {
    if (!url) return;
    this.#showProblem(null);
    await this.#try(async () => {
      await this.#requests.submitAddress(url, fieldsOf(choices()));
      $("jobs-address").value = "";
    });
    await this.load();
  }

  async #try(work, signal) {
    try {
      await work();
    } catch (error) {
      if (signal?.aborted) return;
      this.#showProblem(error);
    }
  }

  async #showMore() {
    await this.#try(async () => {
      const { data, next } = await this.#requests.list(this.#next);
      for (const job of data) this.#showJob(job);
      this.#next = next;
      $("jobs-more").hidden = !next;
    });
  }

  /** The first page. What further pages have shown stays behind it, unless it is gone. */
  #showJobs(jobs, next) {
    const [ids, oldest] = [new Set(jobs.map(({ id }) => id)), jobs.at(-1)?.created ?? ""];
    for (const [id, row] of this.#rows) {
      if (ids.has(id) || (next && row.created < oldest)) continue;
      row.leave();
      row.element.remove();
      this.#rows.delete(id);
    }
    jobs.forEach((job, n) => this.#showJob(job, n));
    if (this.#rows.size <= jobs.length) {
      this.#next = next;
      $("jobs-more").hidden = !next;
    }
    $("jobs-nothing").hidden = this.#rows.size > 0;
  }

  #showJob(job, place = Infinity) {
    const known = this.#rows.get(job.id);
    const row = known ?? new JobRow(job, this.#requests, this.#listener);
    known?.show(job);
    row.created = job.created;
    this.#rows.set(job.id, row);
    const list = $("jobs-list");
    if (list.children[place] !== row.element) list.insertBefore(row.element, list.children[place] ?? null);
  }

  get #listener() {
    return {
      onOpen: (job) => this.#open(job),
      onChange: () => this.load(),
      onError: (error) => this.#showProblem(error),
    };
  }

  async #open(job) {
    const transcript = await (await this.#requests.transcript(job.id, "json")).json();
    const title = job.filename || job.url || job.id;
    const sound = this.#files.get(job.id) ?? null;
    const entry = await this.#entries.add({ ...newRecording(title.replace(/\.[^.]*$/, ""), title, "file"), sound });
    entry.showSound({ peaks: [], durationMs: transcript.duration_ms, isLive: false });
    entry.showTranscript(transcript);
    location.hash = "#/";
  }

  get #view() {
    return document.querySelector('[data-view="jobs"]');
  }

  #showProblem(error) {
    if (error && !(error instanceof ServerError)) throw error;
    $("jobs-problem").hidden = !error;
    if (error) say($("jobs-problem"), ...plainWords(error));
  }
}

/** A file that is being sent. */
class UploadRow {
  #row = $("job-upload").content.firstElementChild.cloneNode(true);
  #cancel = new AbortController();

  constructor(file) {
    this.#row.querySelector(".job-name").textContent = file.name;
    const button = this.#row.querySelector(".job-cancel");
    say(button, "cancel");
    button.addEventListener("click", () => this.#cancel.abort());
    this.show(0);
    $("jobs-uploads").append(this.#row);
  }

  get signal() {
    return this.#cancel.signal;
  }

  show(fraction) {
    this.#row.querySelector("progress").value = fraction;
    say(this.#row.querySelector(".job-doing"), "sending", { percent: Math.floor(fraction * 100) });
  }

  remove() {
    this.#row.remove();
  }
}

/** Fields of a job: the choices of the page that differ from what a job is without them. */
function fieldsOf({ language, itn, hotwords, channel, model }) {
  const words = Object.keys(hotwords).length ? JSON.stringify(hotwords) : "";
  const fields = { language, hotwords: words, channel, model, itn: itn ? "" : "false" };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value));
}
