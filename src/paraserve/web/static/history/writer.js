/** Writes recordings into the database, and their sound as long as there is room. */
import { chunksOf, written } from "./database.js";
import { detailsOf, summaryOf } from "./kept.js";
import { askToStay, hasRoomFor } from "./room.js";
import { SoundKeeper } from "./sound_keeper.js";

export const STORES = ["summaries", "details", "sounds", "chunks"];

export class Writer {
  #database;
  #wantsSound;
  #onProblem;
  #sounds = new Map(); // id to what is kept of its sound: {sound, bytes}
  #keepers = new Map(); // id to the SoundKeeper of somebody who speaks
  #soundless = new Set(); // ids whose sound has no room
  #lost = new Set(); // ids whose text has none

  /**
   * `database` is a promise of it, or of null. `wantsSound()` tells whether sound is to be kept. `onProblem({code},
   * recording)` is called once for what cannot be kept.
   */
  constructor(database, wantsSound, onProblem) {
    this.#database = database;
    this.#wantsSound = wantsSound;
    this.#onProblem = onProblem;
  }

  /** Whether a recording was written or read before. */
  knows(id) {
    return this.#sounds.has(id);
  }

  /** This is what the database has of a recording's sound: a Blob or null, and its bytes. */
  know(id, sound, bytes) {
    this.#sounds.set(id, { sound, bytes });
  }

  /** Write a recording as it is now. */
  async write(recording) {
    const database = await this.#database;
    if (!database) return;
    const { id } = recording;
    const sound = await this.#soundToWrite(recording);
    const bytes = sound?.size ?? (this.#keepers.get(id) ?? this.#sounds.get(id))?.bytes ?? 0;
    try {
      await written(database, STORES, ({ summaries, details, sounds, chunks }) => {
        summaries.put(summaryOf(recording, bytes));
        details.put(detailsOf(recording), id);
        if (!sound) return;
        sounds.put(sound, id);
        chunks.delete(chunksOf(id)); // all of them are in it
      });
    } catch (error) {
      await this.#failed(recording, error, sound);
      return;
    }
    if (!sound) return;
    this.#keepers.delete(id);
    this.know(id, sound, sound.size);
    askToStay();
  }

  /** Returns a function that keeps the samples (Int16Array, 16 kHz) of somebody who speaks. */
  soundKeeper(recording) {
    let keeper = null; // until the database is open; false if nothing is kept
    const waiting = [];
    this.#keeperOf(recording).then((made) => {
      keeper = made;
      if (keeper) for (const samples of waiting) keeper.add(samples);
    });
    return (samples) => {
      if (keeper === null) waiting.push(samples);
      else if (keeper && !this.#soundless.has(recording.id)) keeper.add(samples);
    };
  }

  async #keeperOf(recording) {
    const database = await this.#database;
    if (!database || !this.#wantsSound()) return false;
    const keeper = new SoundKeeper(database, recording.id, () => this.#soundFailed(recording));
    this.#keepers.set(recording.id, keeper);
    return keeper;
  }

  /** The sound if it is not kept yet and shall be, else null. */
  async #soundToWrite(recording) {
    const { id, sound } = recording;
    if (!sound || !this.#wantsSound() || this.#soundless.has(id) || this.#sounds.get(id)?.sound === sound) return null;
    if (await hasRoomFor(sound.size)) return sound;
    this.#soundFailed(recording);
    return null;
  }

  /** The text is kept even where the sound is too large. */
  async #failed(recording, error, sound) {
    if (!(error instanceof DOMException)) throw error;
    if (sound) {
      this.#soundFailed(recording);
      await this.write(recording);
    } else if (!this.#lost.has(recording.id)) {
      this.#lost.add(recording.id);
      this.#onProblem({ code: "text_not_kept" }, recording);
    }
  }

  #soundFailed(recording) {
    if (this.#soundless.has(recording.id)) return;
    this.#soundless.add(recording.id);
    this.#onProblem({ code: "sound_not_kept" }, recording);
  }
}
