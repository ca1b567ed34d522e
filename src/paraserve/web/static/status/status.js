/** The page for operators: what the server does now. */
import { ServerError } from "../client/server.js";
import { keep, openSettings } from "../settings.js";
import status from "../words/status.js";
import { addWords, plainWords, say, speak, spokenLanguage } from "../words/words.js";
import { ask, saveTrace } from "./asking.js";
import { showCharts } from "./charts.js";
import { Feed } from "./feed.js";
import { showFigures } from "./figures.js";
import { ModelButtons } from "./models.js";
import { openTables } from "./tables.js";

const OTHER_LANGUAGE = { en: ["zh", "中文"], zh: ["en", "English"] };
const LOCKED = ["missing_api_key", "invalid_api_key", "expired_api_key", "missing_scope", "too_many_wrong_keys"];

const $ = (id) => document.getElementById(id);
const key = () => $("key").value.trim();
let feed = null;
let told = null;

function showState(name, values) {
  $("state").dataset.state = name;
  say($("state").firstElementChild, `status.${name}`, values);
}

function showProblem(error) {
  $("problem").hidden = !error;
  if (error) say($("problem"), ...plainWords(error));
}

function follow() {
  feed?.stop();
  feed = new Feed(key(), { onStatus: show, onRefused: showRefusal, onAway: (seconds) => showState("away", { seconds }) });
}

function show(newest) {
  if (told === null) {
    showProblem(null);
    models.refresh();
  }
  told = newest;
  $("key-row").hidden = true;
  $("told").hidden = false;
  showState(told.state);
  showFigures($("figures"), told);
  showCharts($("charts"), told.history, told.at_s);
  showTables(told);
  showDrain(told);
  models.show(told);
}

/** Why the server does not tell: the key is asked for where one would help. */
function showRefusal(error) {
  told = null;
  showState("locked");
  $("told").hidden = true;
  const isLocked = LOCKED.includes(error.code);
  $("key-row").hidden = !isLocked;
  if (error.code === "missing_api_key") showProblem(null);
  else if (error.code in { local_only: 0, host_not_allowed: 0 }) {
    $("problem").hidden = false;
    say($("problem"), "status.refused", { reason: error.message });
  } else showProblem(error);
}

function showDrain({ state, sessions, uploads }) {
  const isDrained = state === "drained";
  $("drain").hidden = isDrained;
  $("take-work").hidden = !isDrained;
  $("end-sessions").hidden = !isDrained || !sessions.count;
  if (!isDrained) say($("drain-doing"), null);
  else if (sessions.count + uploads.count === 0) say($("drain-doing"), "status.nothing_left");
  else say($("drain-doing"), "status.left", { sessions: sessions.count, uploads: uploads.count });
}

/** Do what a button is for. Its failure is shown, and the focus goes on to the button that takes its place. */
async function attempt(work, nextId = null) {
  showProblem(null);
  try {
    await work();
    if (nextId) focusOnce(nextId);
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    showProblem(error);
  }
}

function focusOnce(id) {
  $(id).hidden = false;
  $(id).focus();
}

function listenToButtons() {
  $("key-row").addEventListener("submit", (event) => {
    event.preventDefault();
    keep("key", $("key").value);
    follow();
  });
  $("interface-language").addEventListener("click", () => {
    const [other] = OTHER_LANGUAGE[spokenLanguage()];
    keep("interface", other);
    showLanguage(other);
  });
  $("drain").addEventListener("click", () => attempt(() => ask(key(), "POST", "v1/admin/drain"), "take-work"));
  $("take-work").addEventListener("click", () => attempt(() => ask(key(), "DELETE", "v1/admin/drain"), "drain"));
  $("end-sessions").addEventListener("click", () =>
    attempt(() => ask(key(), "POST", "v1/admin/drain", { ends_sessions: true }), "take-work"),
  );
}

function showLanguage(name) {
  speak(name);
  const [other, text] = OTHER_LANGUAGE[name];
  $("interface-language").lang = other;
  $("interface-language").textContent = text;
  if (told) show(told); // titles of cells on small screens
}

addWords(status);
const showTables = openTables({
  onTrace: (requestId) => attempt(() => saveTrace(key(), requestId)),
  onUnload: (name) => models.unload(name),
});
const models = new ModelButtons(key, attempt);
showLanguage(openSettings());
listenToButtons();
follow();
