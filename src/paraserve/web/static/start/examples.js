/** What can be said and heard on an empty page: sentences to read aloud, recordings to click. */
import { onSpeak, phrase, say, spokenLanguage } from "../words/words.js";
import { aboutModels, answering, knownLanguages, languageName } from "./loaded.js";
import { CLIPS, EMBEDDED_SENTENCES, SENTENCES } from "./sentences.js";

const N_CLIPS = 3;

const $ = (id) => document.getElementById(id);
let isOpen = null; // as somebody wanted it; null: open as long as there is nothing else to show
let isSpeaking = false;

/** The buttons. `onClip(file)` gets a recording that was clicked, `onProblem({code})` says that there was none. */
export function listenToExamples(onClip, onProblem) {
  $("examples-toggle").addEventListener("click", () => {
    isOpen = $("examples").hidden;
    show();
  });
  $("clips").addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const file = await clipOf(button.dataset.name);
    if (file) onClip(file);
    else onProblem({ code: "no_connection" });
  });
  new MutationObserver(show).observe($("entries"), { childList: true });
  onSpeak(showExamples);
  show();
}

/** Sentences and recordings for the models and the language that are chosen. */
export function showExamples() {
  if (!answering().length) return;
  $("about").textContent = aboutModels(answering());
  say($("privacy-server"), "privacy", { host: location.host });
  $("sentences").replaceChildren(...sentences().map(sentenceNode));
  const clips = CLIPS.filter((clip) => clip.languages.every((code) => knownLanguages().includes(code))).slice(0, N_CLIPS);
  $("clips").replaceChildren(...clips.map(clipNode));
  $("clips-part").hidden = !clips.length;
}

/** While somebody reads a sentence aloud the sentences stay; the heading gives its place to the captions. */
export function showSpeaking(isNow) {
  isSpeaking = isNow;
  show();
}

function show() {
  const isEmpty = !$("entries").childElementCount;
  const isShown = isOpen ?? (isEmpty || (isSpeaking && !$("examples").hidden));
  if (isEmpty && !isSpeaking) isOpen = null;
  $("examples").hidden = !isShown;
  $("welcome").hidden = !isShown || isSpeaking;
  $("examples-toggle").hidden = isEmpty || isSpeaking;
  $("examples-toggle").setAttribute("aria-expanded", String(isShown));
}

function sentences() {
  if (answering()[0].is_embedded && !$("language").value) return EMBEDDED_SENTENCES;
  const known = knownLanguages();
  const wanted = [$("language").value, spokenLanguage(), ...known, "en"];
  const code = wanted.find((one) => one in SENTENCES && (known.includes(one) || !known.length)) ?? "en";
  return SENTENCES[code].map((text) => [code, text]);
}

function sentenceNode([lang, text]) {
  const node = document.createElement("li");
  node.lang = lang;
  node.textContent = text;
  return node;
}

function clipNode({ name, languages, seconds }) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.name = name;
  const [title, facts] = [document.createElement("b"), document.createElement("small")];
  title.textContent = phrase(`clip.${name}`);
  facts.textContent = phrase("clip.facts", { languages: languages.map(languageName).join(" + "), seconds });
  button.append(title, facts);
  return button;
}

async function clipOf(name) {
  const answer = await fetch(`static/start/clips/${name}.flac`).catch(() => null); // no connection
  if (!answer?.ok) return null;
  return new File([await answer.blob()], `${phrase(`clip.${name}`)}.flac`, { type: "audio/flac" });
}
