/** The page: what the buttons do. */
import { MicrophoneError } from "./client/microphone.js";
import { credentials, noConnection, ServerError } from "./client/server.js";
import { openFiles } from "./files/files.js";
import { offerJobs, openJobs } from "./jobs/jobs.js";
import { listenToExamples, showExamples, showSpeaking } from "./start/examples.js";
import { listenToChoices, showLoaded } from "./start/loaded.js";
import { listenToModels, offerModels } from "./start/models.js";
import { explainSecure } from "./start/secure.js";
import { Entries } from "./history/entries.js";
import { openHistory } from "./history/history.js";
import { RecordingStore } from "./history/store.js";
import { fetchLater } from "./later.js";
import { Player } from "./sound/player.js";
import { newRecording } from "./recording/recording.js";
import { choices, keep, openSettings } from "./settings.js";
import { openViews } from "./views.js";
import { plainWords, say, speak, spokenLanguage } from "./words/words.js";

const FIRST_RETRY_S = 1;
const LONGEST_RETRY_S = 30;
const LOCKED_STATES = { expired_api_key: "expired", too_many_wrong_keys: "too_many_wrong_keys" };
const OTHER_LANGUAGE = { en: ["zh", "中文"], zh: ["en", "English"] };

const $ = (id) => document.getElementById(id);
const here = new URL(".", location.href); // the server may be behind a proxy's folder
const player = new Player();
const store = new RecordingStore(() => choices().keep);
const entries = new Entries(store, player);
let stage = null; // made when somebody first speaks
let speaking = null;

function showState(name, values) {
  $("state").dataset.state = name;
  say($("state").firstElementChild, `state.${name}`, values);
}

function showProblem(error) {
  $("problem").hidden = !error;
  if (error) say($("problem"), ...plainWords(error));
}

/** Ask the server for its model until it answers; a server that wants an API key, once for each key. */
async function greet(retryS = FIRST_RETRY_S) {
  const answer = await fetch("v1/models", { headers: credentials(choices().key) }).catch(() => null); // no connection
  const locked = await lockedState(answer);
  if (speaking) return;
  if (locked) {
    showState(locked);
    $("key-row").hidden = false;
    $("key").closest("details").open = true;
  } else if (answer?.ok) {
    const { data } = await answer.json();
    showLoaded(data);
    showState("ready", { bundle: data[0].id.split("/").at(-1) }); // a folder is its own name
    offerModels(choices().key, greet);
    offerJobs(choices().key);
  } else {
    showState("away", { seconds: retryS });
    setTimeout(() => greet(Math.min(LONGEST_RETRY_S, retryS * 2)), retryS * 1000);
  }
}

/** The state that tells why the key was not taken, none if that is not the matter. */
async function lockedState(answer) {
  if (!answer || answer.ok) return null;
  const body = await answer.json().catch(() => null); // a proxy's own page
  return LOCKED_STATES[body?.error?.code] ?? (answer.status === 401 ? "locked" : null);
}

async function startSpeaking() {
  showProblem(null);
  player.stop();
  showRecordButton("record", false);
  showSpeaking(true);
  const name = `microphone-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}`;
  const title = { key: "title", values: { time: new Date().toLocaleTimeString() } };
  const chosen = choices();
  let entry = null;
  try {
    entry = await entries.add(newRecording(name, title, "microphone"));
    const parts = [import("./speaking/speaking.js"), import("./speaking/stage.js")];
    const [{ Speaking }, { Stage }] = await Promise.all(parts).catch(noConnection);
    stage ??= new Stage();
    speaking = new Speaking(entry, { ...chosen, url: here }, {
      onFrame: (samples, level, times) => stage.hear(samples, level, times),
      onSamples: store.soundKeeper(entry.recording),
      onMessage: (message, offsetMs) => stage.take(message, offsetMs),
      onPartial: (text) => stage.showPartial(text),
      onFinal: (text, sentences) => stage.append(text, sentences),
      onState: showConnection,
      onStop: () => showRecordButton("record.finishing", false),
      onEnd: endSpeaking,
      onProblem: showProblem,
    });
    await speaking.start();
    const mine = speaking;
    entry.onCancel = () => mine.stop();
    showRecordButton("record.stop", true);
    stage.begin(chosen.mode);
  } catch (error) {
    if (!(error instanceof MicrophoneError) && !(error instanceof ServerError)) throw error;
    if (entry) entries.close(entry.recording.id);
    showProblem(error);
    endSpeaking();
  }
}

function showConnection(name, values) {
  showState(name, values);
  stage.showConnection(name);
}

function endSpeaking() {
  speaking = null;
  stage?.end();
  showSpeaking(false);
  showRecordButton("record", true);
  greet();
}

function showRecordButton(key, isEnabled) {
  $("record").ariaDisabled = String(!isEnabled); // a button that is really disabled loses the focus
  $("record").classList.toggle("on", key === "record.stop");
  say($("record").lastElementChild, key);
}

function listenToForm() {
  $("record").addEventListener("click", () => {
    if ($("record").ariaDisabled === "true") return;
    if (speaking) speaking.stop();
    else startSpeaking();
  });
  $("key").addEventListener("change", () => greet());
  $("interface-language").addEventListener("click", () => {
    const [next] = OTHER_LANGUAGE[spokenLanguage()];
    keep("interface", next);
    showLanguage(next);
  });
}

function showLanguage(name) {
  speak(name);
  const [other, label] = OTHER_LANGUAGE[name];
  $("interface-language").lang = other;
  $("interface-language").textContent = label;
}

showLanguage(openSettings());
openViews();
$("key-row").hidden = !choices().key;
listenToForm();
const take = openFiles({ newEntry: (recording) => entries.add(recording), here, onTake: () => showProblem(null) });
openJobs(entries);
listenToModels();
listenToChoices(showExamples);
listenToExamples((file) => take([file], "sample"), showProblem);
explainSecure();
entries.onAgain = async (entry) => {
  const { transcribeAgain } = await import("./history/again.js");
  await transcribeAgain(entries, entry, { ...choices(), url: here });
};
openHistory(store, entries);
greet();
fetchLater();
