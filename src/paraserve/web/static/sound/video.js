/** The picture of a recording that has one, with its subtitles while they still grow. */
import { escaped } from "../transcripts/transcript.js";
import { spokenLanguage } from "../words/words.js";

const MAY_HAVE_PICTURE = /\.(mp4|m4v|webm|mkv|mov|ogv)$/i;
const PAUSE_MS = 500; // between two changes of the subtitles

export class Video {
  #element = document.createElement("video");
  #track;
  #timer = 0;

  /** Whether a file may have a picture, by its type or its name. */
  static isLikely(blob, name) {
    return blob.type ? blob.type.startsWith("video/") : MAY_HAVE_PICTURE.test(name);
  }

  /**
   * Show the picture of `blob` in `place`, if the browser finds one there. `onPicture(media)` is called then, and
   * `onStart()` each time when somebody plays it.
   */
  constructor(place, blob, { onPicture, onStart, onPlace }) {
    const video = this.#element;
    video.controls = true;
    video.playsInline = true;
    video.preload = "metadata";
    this.#track = video.addTextTrack("subtitles", spokenLanguage() === "zh" ? "字幕" : "Subtitles", "");
    this.#track.mode = "showing";
    video.addEventListener("loadedmetadata", () => {
      if (!video.videoWidth) return;
      place.replaceChildren(video);
      place.hidden = false;
      onPicture(video);
    });
    video.addEventListener("play", onStart);
    video.addEventListener("seeked", () => video.paused && onPlace(video.currentTime * 1000));
    video.src = URL.createObjectURL(blob);
  }

  /** Show these cues (see cues.js) soon: `cues()` is called once for many changes. */
  showCues(cues) {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#replace(cues());
    }, PAUSE_MS);
  }

  close() {
    clearTimeout(this.#timer);
    this.#element.pause();
    URL.revokeObjectURL(this.#element.src);
    this.#element.removeAttribute("src");
  }

  /** Cues that are the same stay, so that the one that is seen does not flicker. */
  #replace(cues) {
    const wanted = new Map(cues.map((cue) => [`${cue.start} ${cue.end} ${cue.lines.join("\n")}`, cue]));
    for (const cue of [...this.#track.cues]) {
      if (!wanted.delete(cue.id)) this.#track.removeCue(cue);
    }
    for (const [id, { start, end, lines }] of wanted) {
      const cue = new VTTCue(start / 1000, end / 1000, lines.map(escaped).join("\n"));
      cue.id = id;
      this.#track.addCue(cue);
    }
  }
}
