/** The commands of an entry, by buttons and by keys. */
import { listenToKeys } from "../text/keys.js";

const ZOOM = 2;

/** Let buttons and keys below `root` play, edit and find. */
export function listenToCommands(root, { playing, text, editing, editor, finder, waveform }) {
  const acts = {
    toggle: () => playing.toggle(),
    jump: (stepMs) => playing.jump(stepMs),
    changeSpeed: (step) => playing.changeSpeed(step),
    edit: (element) => edit(text.sentenceOf(element)),
    find: () => finder.open(),
    replace: () => finder.open({ replaces: true }),
    undo: () => editing.undo(),
    redo: () => editing.redo(),
    help: () => document.getElementById("keys").showModal(),
    playWord: (element) => text.playWord(element),
    isTyping: () => editor.isOpen,
  };
  listenToKeys(root, text.root, acts);
  const buttons = {
    ".edit": () => edit(null),
    ".search": () => (finder.isOpen ? finder.close() : finder.open()),
    ".undo": acts.undo,
    ".redo": acts.redo,
    ".restore": () => editing.restore(),
    ".help": acts.help,
  };
  for (const [name, act] of Object.entries(buttons)) root.querySelector(name).addEventListener("click", act);
  for (const button of root.querySelectorAll(".zoom")) {
    button.addEventListener("click", () => waveform.zoom(ZOOM ** Number(button.dataset.zoom)));
  }
  waveform.onSeek = (atMs, isChosen) => (isChosen ? playing.play(atMs) : playing.seek(atMs));

  /** Edit a sentence; without one that which is played, or was last. */
  function edit(sentence) {
    const wanted = sentence ?? text.sentenceAt(playing.atMs) ?? text.sentences[0];
    if (wanted) editor.open(wanted, sentence ? 0 : wanted.text.length);
  }
}
