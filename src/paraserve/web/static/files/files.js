/** Files that are dropped, chosen or pasted: each becomes an entry with its text. */
import { noConnection, ServerError } from "../client/server.js";
import { newRecording } from "../recording/recording.js";
import { submitJobs } from "../jobs/jobs.js";
import { choices } from "../settings.js";
import { currentView, isOffered } from "../views.js";
import { say } from "../words/words.js";
import { fold, unfold } from "./folding.js";
import { chosenFiles, droppedFiles } from "./found_files.js";
import { FileQueue } from "./queue.js";
import { QueuePanel } from "./queue_panel.js";

const MOST_OPEN = 3; // of more files each shows the beginning of its text

const $ = (id) => document.getElementById(id);

/**
 * Take files from now on: where the jobs are seen as jobs, else as entries. `newEntry(recording)` puts one on the page and resolves to it,
 * `here` is the server's address, `onTake()` is called before files are taken. Returns a function that takes Files, and
 * what the source of their recordings is.
 */
export function openFiles({ newEntry, here, onTake }) {
  const queue = new FileQueue({
    send: async (item) => send(item, await entryOf(item)),
    isServerThere: async () => (await fetch("livez").catch(() => null))?.ok ?? false,
    onChange: (item) => {
      if (item?.entry) showState(item);
      panel.show();
    },
  });
  const panel = new QueuePanel(queue, { onOpen: ({ entry }) => entry && unfold(entry), onSave: () => saveTexts(queue.items) });

  function take(found, source = "file") {
    if (currentView() === "jobs") {
      submitJobs(found.files.map(({ file }) => file));
      return;
    }
    if (currentView() !== "transcribe") location.hash = "#/";
    onTake();
    const files = found.files.map((one) => ({ ...one, source }));
    showNotes(...whatWasTaken(found, queue.add(files)));
  }

  async function entryOf(item) {
    if (item.entry) {
      item.entry.startOver();
      item.entry.onAgain = item.onAgain;
      return item.entry;
    }
    const { file, path, source } = item;
    const name = file.name.replace(/\.[^.]*$/, "") || "recording";
    item.entry = await newEntry({ ...newRecording(name, path, source), sound: file });
    item.onAgain = item.entry.onAgain;
    item.entry.onCancel = () => {
      if (item.state !== "done") item.entry.finish("cancelled");
      queue.remove(item);
    };
    return item.entry;
  }

  async function send(item, entry) {
    await readable(item.file);
    const { signal } = item.cancel;
    const { recognize } = await import("./listening.js").catch(noConnection);
    await recognize(item.file, entry, { ...choices(), url: here, signal }, (fraction) => {
      item.fraction = fraction;
      panel.show();
    });
    if (queue.items.length > MOST_OPEN) fold(entry);
  }

  function showState(item) {
    const { entry, state, error } = item;
    if (state === "waiting") entry.showProgress(waitKey(error));
    if (state !== "failed") return;
    entry.showError(error);
    entry.finish("cancelled");
    entry.onAgain = () => queue.tryAgain(item);
  }

  listenToButtons(take);
  addEventListener("beforeunload", (event) => {
    if (queue.items.some(({ state }) => state === "waiting" || state === "working")) event.preventDefault();
  });
  listenToDrops(take);
  return (files, source) => take(chosenFiles(files), source);
}

/** Save the texts of all items that are done as one archive. Who has them here has their sound already. */
async function saveTexts(items) {
  const done = items.filter(({ state }) => state === "done").map(({ entry }) => ({ ...entry.recording, sound: null }));
  const texts = new Map(done.map((recording) => [recording.id, recording]));
  const { exportAll } = await import("../history/export.js");
  await exportAll({ get: async (id) => texts.get(id) }, [...texts.keys()], () => {});
}

function waitKey(error) {
  if (!error) return "queued";
  return error.code === "no_connection" ? "wait.broken" : "wait.busy";
}

/** Throws a ServerError for a file that has gone since it was chosen, and for a folder. */
async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch (error) {
    throw new ServerError("unreadable_file", error.message);
  }
}

function listenToButtons(take) {
  for (const [button, input] of [["choose", "files"], ["choose-folder", "folder"]]) {
    $(button).addEventListener("click", () => $(input).click());
    $(input).addEventListener("change", () => {
      take(chosenFiles($(input).files));
      $(input).value = ""; // so that the same can be chosen again
    });
  }
  $("choose-folder").hidden = !("webkitdirectory" in $("folder"));
}

function listenToDrops(take) {
  const places = document.querySelectorAll("#drop, .jobs-new");
  const show = (isOver) => places.forEach((place) => place.classList.toggle("over", isOver));
  document.addEventListener("dragover", (event) => {
    if (isForField(event, event.dataTransfer)) return;
    event.preventDefault();
    show(true);
  });
  document.addEventListener("dragleave", (event) => show(event.relatedTarget !== null));
  document.addEventListener("drop", (event) => {
    if (isForField(event, event.dataTransfer)) return;
    event.preventDefault();
    show(false);
    receive(event.dataTransfer, take);
  });
  document.addEventListener("paste", (event) => {
    if (!isForField(event, event.clipboardData)) receive(event.clipboardData, take);
  });
}

/** Whether it is a text for a field. */
function isForField({ target }, { types }) {
  return !types.includes("Files") && Boolean(target.closest?.("input, textarea, [contenteditable]"));
}

/** Files, or words about what else was dropped. */
async function receive(transfer, take) {
  if ([...transfer.items].some(({ kind }) => kind === "file")) {
    take(await droppedFiles(transfer));
    return;
  }
  const text = transfer.getData("text/uri-list") || transfer.getData("text/plain");
  if (!text) return;
  const isAddress = /^https?:\/\/\S+$/.test(text.trim());
  showNotes([isAddress ? (isOffered("jobs") ? "files.address_jobs" : "files.address") : "files.text", {}]);
}

function whatWasTaken({ files, skipped }, known) {
  const notes = [];
  if (!files.length) notes.push([skipped ? "files.none" : "files.empty", { skipped }]);
  else if (skipped) notes.push([skipped === 1 ? "files.skipped_one" : "files.skipped", { skipped }]);
  if (known) notes.push([known === 1 ? "files.known_one" : "files.known", { known }]);
  return notes;
}

function showNotes(...notes) {
  $("files-note").hidden = !notes.length;
  $("files-note").replaceChildren(
    ...notes.map(([key, values]) => {
      const sentence = document.createElement("span");
      say(sentence, key, values);
      return sentence;
    }),
  );
}
