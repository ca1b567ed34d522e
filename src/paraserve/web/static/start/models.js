/** More models for this server: offered to those who may administer it, fetched with a bar, loaded without a restart. */
import { credentials } from "../client/server.js";
import { onSpeak, plainWords, say } from "../words/words.js";
import { languageList } from "./loaded.js";

const POLL_MS = 500;
const BUSY = ["pulling", "loading"];

const $ = (id) => document.getElementById(id);
let key = "";
let models = []; // those that are not loaded
let open = null; // the one for open speech
let following = false;
let onLoaded = () => {};

/** Show the offer if the holder of the key (empty: none) may administer the server. `whenLoaded` is called after a load. */
export async function offerModels(apiKey, whenLoaded) {
  [key, onLoaded] = [apiKey, whenLoaded];
  const access = await ask("GET", "v1/admin");
  $("status-link").hidden = !access.body?.is_allowed;
  if (!access.body?.is_allowed) {
    $("models").hidden = true;
    return;
  }
  await refresh();
}

/** The buttons. */
export function listenToModels() {
  $("models-choice").addEventListener("change", showChoice);
  $("models-get").addEventListener("click", () => begin($("models-choice").value));
  $("models-open").addEventListener("click", () => begin(open.name));
  $("models-stop").addEventListener("click", () => ask("DELETE", pullPath($("models-stop").dataset.name)));
  onSpeak(showOpen);
}

async function refresh() {
  const { ok, body } = await ask("GET", "v1/admin/models");
  if (!ok) return;
  models = body.data.filter((model) => !model.is_loaded);
  open = openModel(body);
  const chosen = $("models-choice").value || body.recommended;
  $("models-choice").replaceChildren(...models.map(optionOf));
  if (models.some((model) => model.name === chosen)) $("models-choice").value = chosen;
  $("models").hidden = !models.length && !body.pull;
  $("models-more").hidden = !models.length;
  showOpen();
  showChoice();
  if (body.pull && BUSY.includes(body.pull.state)) follow(body.pull);
}

/** The recommended model, or where the server lacks packages for it another of several languages. None if it has it. */
function openModel({ data, recommended }) {
  const first = data.find((model) => model.name === recommended);
  if (!first || first.is_loaded) return null;
  const isReady = (model) => !model.missing_packages.length;
  return [first, ...models].find((model) => isReady(model) && model.languages.length > 1) ?? first;
}

function optionOf(model) {
  return new Option(`${model.name}: ${model.about} (${Math.round(model.megabytes)} MB)`, model.name);
}

function showOpen() {
  $("models-open-part").hidden = !open;
  if (!open) return;
  const { name, languages, megabytes, is_here: isHere } = open;
  const values = { name, languages: languageList(languages), megabytes: Math.round(megabytes) };
  say($("models-offer"), isHere ? "models.here" : "models.offer", values);
  $("models-open").disabled = open.missing_packages.length > 0;
}

function showChoice() {
  const chosen = models.find((model) => model.name === $("models-choice").value);
  say($("models-get"), chosen?.is_here ? "models.load" : "models.get");
  const lacks = chosen?.missing_packages ?? [];
  $("models-get").disabled = !chosen || lacks.length > 0;
  if (lacks.length) showProblem("models.install", { packages: lacks.join(" ") });
  else showProblem(null);
}

async function begin(name) {
  showProblem(null);
  const { ok, body } = await ask("POST", pullPath(name));
  if (ok) await follow(body);
  else showError(body?.error ?? { code: "no_connection", message: "" });
}

/** Show how far a pull is until it is over. */
async function follow(pull) {
  if (following) return;
  following = true;
  while (BUSY.includes(pull.state)) {
    showPull(pull);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const { body } = await ask("GET", "v1/admin/models");
    pull = body?.pull ?? pull; // no connection for a moment
  }
  following = false;
  showPull(pull);
  await refresh();
  if (pull.state === "failed") showError(pull.error);
  if (pull.state === "done") onLoaded();
}

function showPull({ name, state, done_bytes: done, total_bytes: total }) {
  const isBusy = BUSY.includes(state);
  $("models-choice").disabled = isBusy;
  $("models-get").hidden = $("models-open").hidden = isBusy;
  $("models-progress").hidden = !isBusy;
  $("models-stop").hidden = state !== "pulling";
  $("models-stop").dataset.name = name;
  if (state === "pulling") $("models-progress").value = total ? done / total : 0;
  else $("models-progress").removeAttribute("value");
  const values = { name, done: Math.floor(done / 1e6), total: Math.round(total / 1e6) };
  say($("models-doing"), state === "failed" ? null : `models.${state}`, values);
}

function showError(error) {
  showProblem(...(error.code === "disk_full" ? plainWords(error) : ["error.other", { message: error.message || error.code }]));
}

function showProblem(phrase, values) {
  $("models-problem").hidden = !phrase;
  say($("models-problem"), phrase, values);
}

function pullPath(name) {
  return `v1/admin/models/${encodeURIComponent(name)}/pull`;
}

/** {ok, body}: the body is undefined without a connection, and where a proxy answers with a page of its own. */
async function ask(method, path) {
  const answer = await fetch(path, { method, headers: credentials(key) }).catch(() => null);
  return { ok: Boolean(answer?.ok), body: await answer?.json().catch(() => undefined) };
}
