/** The models that the server has: which one shall answer, what each is good for, and the languages that it knows. */
import { choose } from "../settings.js";
import { onSpeak, phrase, spokenLanguage } from "../words/words.js";

const FIRST_LANGUAGES = ["zh", "en", "yue", "ja", "ko", "es", "fr", "de"];
const NAMED_LANGUAGES = 6; // the others are counted
/** Kinds of models whose strength words/start.js names, by a part of their names. */
const KINDS = ["whisper", "sensevoice", "paraformer", "nano"];

const $ = (id) => document.getElementById(id);
let models = [];
let onChoice = () => {};

/** The lists. `whenChosen()` is called after each choice, and when the models or the page's language have changed. */
export function listenToChoices(whenChosen) {
  onChoice = whenChosen;
  $("model").addEventListener("change", showChoices);
  $("language").addEventListener("change", onChoice);
  onSpeak(showChoices);
}

/** Show the models of `/v1/models`. */
export function showLoaded(data) {
  models = data.filter((model) => model.state !== "failed");
  showChoices();
}

/** The models that may answer now: the chosen one, or all. */
export function answering() {
  const chosen = models.find((model) => model.id === $("model").value);
  return chosen ? [chosen] : models;
}

/** Codes of the languages that can be spoken now. */
export function knownLanguages() {
  return [...new Set(answering().flatMap((model) => model.languages))];
}

/** What these models understand, in a sentence of the page's language. */
export function aboutModels(some) {
  return some.map(aboutModel).join(" ");
}

/** The name of a language in the page's language. */
export function languageName(code) {
  return new Intl.DisplayNames([spokenLanguage()], { type: "language", fallback: "code" }).of(code);
}

function aboutModel(model) {
  if (model.is_embedded) return phrase("knows.embedded");
  const languages = languageList(model.languages);
  const kind = KINDS.find((name) => model.id.toLowerCase().includes(name));
  if (kind) return phrase(`knows.${kind}`, { languages });
  return model.knows ? phrase("knows.other", { speech: model.knows }) : languages ? phrase("knows.languages", { languages }) : "";
}

/** Languages by name, in a phrase; many are counted. */
export function languageList(codes) {
  const known = ordered(codes);
  const names = known.slice(0, known.length > NAMED_LANGUAGES ? NAMED_LANGUAGES - 1 : NAMED_LANGUAGES).map(languageName);
  if (known.length > names.length) return phrase("knows.many", { count: known.length, names: names.join(phrase("knows.comma")) });
  return new Intl.ListFormat(spokenLanguage()).format(names);
}

function ordered(codes) {
  const rank = (code) => (FIRST_LANGUAGES.includes(code) ? FIRST_LANGUAGES.indexOf(code) : FIRST_LANGUAGES.length);
  return [...codes].sort((a, b) => rank(a) - rank(b) || languageName(a).localeCompare(languageName(b), spokenLanguage()));
}

function showChoices() {
  if (!models.length) return;
  const named = models.map((model) => new Option(model.id.split("/").at(-1), model.id)); // a folder is its own name
  const automatic = new Option(phrase("model.auto"), "");
  fill("model", models.length > 1 ? [automatic, ...named] : [new Option(named[0].text, "")]);
  $("model-row").hidden = models.length < 2;
  const codes = ordered(knownLanguages());
  fill("language", [new Option(phrase("language.auto"), ""), ...codes.map(languageOption)]);
  $("language-row").hidden = codes.length === 1;
  $("model-about").hidden = models.length < 2;
  $("model-about").textContent = aboutModels(answering());
  onChoice();
}

function languageOption(code) {
  return new Option(languageName(code), code);
}

/** Options in place of those that a list had; what was chosen last stays chosen. */
function fill(name, options) {
  $(name).replaceChildren(...options);
  choose(name);
}
