/** Which word is said at a time. */
const MOST_AT_ONCE = 8; // sentences of split channels that may overlap

export class SentenceTimes {
  #sentences; // with times, by their starts

  constructor(sentences) {
    this.#sentences = sentences.filter(({ start_ms }) => start_ms !== null);
  }

  /** {sentence, word: number among its words with times}, null where nothing is said. */
  at(atMs) {
    const last = this.#last(atMs);
    for (let n = last; n >= 0 && n > last - MOST_AT_ONCE; n -= 1) {
      const sentence = this.#sentences[n];
      const word = sentence.end_ms > atMs ? wordAt(sentence, atMs) : -1;
      if (word >= 0) return { sentence, word };
    }
    return null;
  }

  /** The last sentence that begins before a time, or the first one. */
  before(atMs) {
    return this.#sentences[Math.max(0, this.#last(atMs))] ?? null;
  }

  #last(atMs) {
    return firstAfter(this.#sentences, ({ start_ms }) => start_ms > atMs) - 1;
  }
}

function wordAt({ tokens }, atMs) {
  const timed = tokens.filter(({ start_ms }) => start_ms !== null);
  const word = firstAfter(timed, ({ end_ms }) => end_ms > atMs);
  return timed[word]?.start_ms <= atMs ? word : -1;
}

/** Number of the first item that `isAfter`, which all later ones are. */
function firstAfter(items, isAfter) {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isAfter(items[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
