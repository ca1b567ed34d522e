/** One recording on the page: its waveform, its text, and what can be done with it. */
import { PEAKS_PER_S } from "../client/recording.js";
import { timeAt } from "../history/places.js";
import { listenToShare } from "../share/menu.js";
import { cuesOf } from "../transcripts/cues.js";
import { Editing, rewrite } from "../transcripts/editing.js";
import { localise, say } from "../words/words.js";
import { listenToActions, subtitleLimits } from "./actions.js";
import { listenToCommands } from "./commands.js";
import { addSentences, takeTranscript } from "./receiving.js";
import { emptyTranscript } from "./recording.js";
import { showChannels } from "../text/channels.js";
import { Editor } from "../text/editor.js";
import { Finder } from "../text/finder.js";
import { Playing } from "../sound/playing.js";
import { hotwordPattern, showRemarks } from "./remarks.js";
import { TextView } from "../text/text_view.js";
import { listenToUnsure, offerUnsure } from "../text/unsure.js";
import { Video } from "../sound/video.js";
import { Waveform } from "../sound/waveform.js";

export class Entry {
  recording;
  onCancel = () => {};
  onRemove = () => this.remove();
  /** The sound is to be transcribed again. */
  onAgain = () => {};
  /** Called after each change of `recording`. */
  onChange = () => {};
  #root;
  #source;
  #playing;
  #waveform;
  #text;
  #editing;
  #editor;
  #finder;
  #video = null;
  #received = 0; // sentences that the server has sent
  #isLive = false;

  /**
   * `recording`: see recording.js; one that already has sound and text is shown with them. `player` is the page's,
   * `place` the element that the entry is put into, before others.
   */
  constructor(recording, player, place = document.getElementById("entries")) {
    this.recording = recording;
    const kept = { blob: recording.sound };
    this.#source = () => (kept.blob ? kept : null);
    this.#root = document.getElementById("entry").content.firstElementChild.cloneNode(true);
    localise(this.#root);
    this.#waveform = new Waveform(this.#find(".wave"), this.#find(".overview"));
    this.#playing = new Playing(this.#root, player, {
      source: () => this.#source(),
      durationMs: () => this.recording.durationMs,
      onPlace: (atMs, isPlaying) => this.#showPlace(atMs, isPlaying),
      onProblem: (error) => this.#notPlayed(error),
    });
    const play = (startMs, endMs) => this.#playing.play(startMs, endMs);
    this.#text = new TextView(this.#find(".text"), play, (channel) => recording.transcript.channel_names?.[channel]);
    this.#editing = new Editing(recording, () => this.#edited());
    this.#editor = new Editor(this.#text, this.#editing);
    this.#finder = new Finder(this.#find(".find"), this.#text, this.#editing);
    this.#showTitle();
    this.#listen();
    place.prepend(this.#root);
    document.getElementById("hint").hidden = true;
    this.#showKept();
  }

  /** The element on the page. */
  get element() {
    return this.#root;
  }

  /** What is heard on request: `source()` gives {blob}; the same object as long as the sound is the same. */
  set source(source) {
    this.#source = source;
  }

  /** Keep the sound of a recording that has ended, and offer it as a file. */
  offerSound(blob) {
    this.#update({ sound: blob });
    this.#find(".wav").hidden = false;
  }

  /** `sound`: {peaks, durationMs, isLive, peaksPerS}, the last where it is not that of the microphone. */
  showSound({ peaks, durationMs, isLive, peaksPerS = PEAKS_PER_S }) {
    this.#isLive = isLive;
    this.#text.isGrowing = isLive;
    this.#update({ peaks, durationMs, peaksPerS });
    this.#drawSound();
  }

  /** What is being done; `fraction` null: nobody knows how long it takes. No key: all is done. */
  showProgress(key, values = {}, fraction = null) {
    this.#find(".work").hidden = !key;
    say(this.#find(".doing"), key, values);
    const bar = this.#find("progress");
    if (fraction === null) bar.removeAttribute("value");
    else bar.value = fraction;
  }

  showPartial(text) {
    this.#text.showPartial(text);
  }

  /** Add a final text with its sentences. */
  append(text, sentences) {
    addSentences(this.recording, text, sentences);
    this.#received += sentences.length;
    this.#showText();
    this.onChange();
  }

  /** Forget all texts and what went wrong, since all is done again. */
  startOver() {
    this.#received = 0;
    this.#editor.cancel();
    this.#editing.forget();
    const nothing = { transcript: emptyTranscript(), isEdited: false, original: null, error: null, ending: null };
    this.#update({ ...nothing, state: "working" });
    this.#showText();
    showRemarks(this.#root, this.recording);
  }

  /** The server's whole transcript, whose first sentences may have come before. What somebody has edited stays. */
  showTranscript(transcript) {
    this.#editor.finish({ keepsFocus: false });
    takeTranscript(this.recording, transcript, this.#received);
    this.#received = transcript.sentences.length;
    this.#showText();
    this.showHeard(transcript);
    this.showHotwords(transcript);
    this.finish();
  }

  /**
   * What the server says of the speech so far: {speech_ms, recognized_ms, notice}, all absent if it was understood, and
   * {audio_quality}, whose hints are shown.
   */
  showHeard({ speech_ms = 0, recognized_ms = 0, notice = null, audio_quality }) {
    const { heard } = this.recording;
    const hints = audio_quality?.hints ?? heard.hints;
    this.#update({ heard: { speech_ms: speech_ms || heard.speech_ms, recognized_ms, notice, hints } });
    showRemarks(this.#root, this.recording);
  }

  /** Hotwords of a text: those that it has, and those that have no effect. Absent: there were none. */
  showHotwords({ hotwords = [], hotwords_ignored = [] }) {
    if (!hotwords.length && !hotwords_ignored.length) return;
    const found = { ...this.recording.hotwords.found };
    for (const { text } of hotwords) found[text] = (found[text] ?? 0) + 1;
    const ignored = [...new Set([...this.recording.hotwords.ignored, ...hotwords_ignored.map(({ text }) => text)])];
    this.#update({ hotwords: { found, ignored } });
    this.#text.markHotwords(hotwordPattern(this.recording.hotwords));
    showRemarks(this.#root, this.recording);
  }

  /** Nothing more comes; if nothing came at all, `why` is said. */
  finish(why = "nothing") {
    this.showProgress(null);
    this.#text.isGrowing = false;
    const { transcript, error, heard } = this.recording;
    const hasNoWords = why === "nothing" && heard.speech_ms > 0;
    const ending = transcript.text || error || heard.notice ? null : hasNoWords ? "no_words" : why;
    this.#update({ state: "done", ending });
    if (ending) this.#text.showReason(ending);
  }

  /** `error`: {code, message}. */
  showError(error) {
    this.showProgress(null);
    this.#update({ error: { code: error.code, message: error.message } });
    showRemarks(this.#root, this.recording);
  }

  /** Stop what is being done and take it off the page. */
  remove() {
    this.onCancel();
    this.#playing.stop();
    this.#video?.close();
    this.#root.remove();
    document.getElementById("hint").hidden = document.getElementById("entries").childElementCount > 0;
  }

  /** Bring the entry into sight and the keyboard into its text; to the word after `offset` characters. */
  reveal(offset = 0) {
    const atMs = offset ? timeAt(this.recording.transcript, offset) : null;
    const word = atMs === null ? null : this.#text.wordAt(atMs);
    (word ? this.#text.root : this.#root).scrollIntoView({ block: word ? "nearest" : "start" });
    if (word) {
      this.#text.reveal(word);
      this.#playing.seek(atMs);
    }
    (word ?? this.#text.root).focus({ preventScroll: true });
  }

  /** Give it a title of somebody's own. */
  rename(title) {
    this.#update({ title });
    this.#showTitle();
  }

  #update(changes) {
    Object.assign(this.recording, changes);
    this.#offer();
    this.onChange();
  }

  #showTitle() {
    const { title } = this.recording;
    const line = this.#find(".title");
    if (typeof title !== "string") {
      say(line, title.key, title.values);
      return;
    }
    delete line.dataset.say; // it may have been a text of the page's own
    line.textContent = title;
  }

  /** All that the recording has already, if it was kept; and its picture. */
  #showKept() {
    const { hotwords, sound, source, ending, name } = this.recording;
    this.#text.markHotwords(hotwordPattern(hotwords));
    if (sound && Video.isLikely(sound, name)) this.#showVideo(sound);
    this.#showText();
    showRemarks(this.#root, this.recording);
    if (ending) this.#text.showReason(ending);
    this.#offer();
    this.#find(".wav").hidden = !sound || source !== "microphone";
  }

  /** What can be done with it now. */
  #offer() {
    const { state, sound, error } = this.recording;
    this.#find(".play").disabled = state === "done" && !sound;
    const button = this.#find(".again");
    button.hidden = state !== "done" || !sound;
    button.classList.toggle("main", Boolean(error));
  }

  #showVideo(blob) {
    const source = { media: null };
    this.#video = new Video(this.#find(".picture"), blob, {
      onPicture: (media) => {
        source.media = media;
        this.#source = () => source;
        if (!this.recording.durationMs) this.showSound({ peaks: [], durationMs: media.duration * 1000, isLive: false });
      },
      onStart: () => source.media && this.#playing.follow(source),
      onPlace: (atMs) => this.#showPlace(atMs, false),
    });
  }

  #showText() {
    const { transcript, original, isEdited } = this.recording;
    this.#text.show(transcript.sentences);
    this.#find(".final").lang = transcript.language ?? "";
    this.#find(".edits").hidden = !original;
    this.#find(".undo").disabled = !this.#editing.canUndo;
    this.#find(".redo").disabled = !this.#editing.canRedo;
    this.#find(".restore").disabled = !isEdited;
    offerUnsure(this.#root, transcript);
    showChannels(this.#find(".channels"), transcript, (channel, name) => this.#nameChannel(channel, name));
    this.#video?.showCues(() => cuesOf(this.recording.transcript, subtitleLimits()));
    this.#finder.update();
    this.#drawSound();
  }

  #drawSound() {
    const { peaks, peaksPerS, durationMs, transcript } = this.recording;
    this.#waveform.show({ peaks, peaksPerS, durationMs, isLive: this.#isLive, sentences: transcript.sentences });
    this.#playing.showDuration();
  }

  #edited() {
    this.#showText();
    this.onChange();
  }

  #nameChannel(channel, name) {
    const { transcript } = this.recording;
    const { [channel]: _, ...others } = transcript.channel_names ?? {};
    transcript.channel_names = name ? { ...others, [channel]: name } : others;
    rewrite(transcript);
    this.#text.nameChannels();
    this.#edited();
  }

  #showPlace(atMs, isPlaying) {
    this.#playing.atMs = atMs;
    this.#waveform.mark(atMs, isPlaying);
    this.#text.mark(atMs, isPlaying);
  }

  #notPlayed(error) {
    if (error.name !== "NotSupportedError") throw error;
    this.showError({ code: "no_playing" });
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }

  #listen() {
    const [playing, text, editing, editor, finder] = [this.#playing, this.#text, this.#editing, this.#editor, this.#finder];
    listenToCommands(this.#root, { playing, text, editing, editor, finder, waveform: this.#waveform });
    const buttons = { ".cancel": () => this.onCancel(), ".remove": () => this.onRemove(), ".again": () => this.onAgain() };
    for (const [name, act] of Object.entries(buttons)) this.#find(name).addEventListener("click", act);
    listenToActions(this.#root, this.recording);
    listenToShare(this.#root, this.recording);
    listenToUnsure(this.#root);
  }
}
