/**
 * The script of a shared page, which has no other module: a click on a word or a time plays from there, and the word and
 * the subtitle of the moment are shown.
 */
export function playAlong() {
  const sound = document.querySelector("audio, video");
  const caption = document.getElementById("caption");
  const cues = JSON.parse(document.getElementById("cues").textContent);
  const words = [...document.querySelectorAll("i")];
  let shown = null;

  const last = (list, isBefore) => {
    let [low, high] = [0, list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(list[middle])) low = middle + 1;
      else high = middle;
    }
    return list[low - 1];
  };
  const show = () => {
    const atMs = sound.currentTime * 1000;
    const cue = last(cues, ([start]) => start <= atMs);
    caption.textContent = cue && cue[1] > atMs ? cue[2] : "";
    const word = last(words, ({ dataset }) => Number(dataset.s) <= atMs);
    if (word !== shown) {
      shown?.classList.remove("played");
      word?.classList.add("played");
      shown = word;
    }
  };
  const follow = () => {
    show();
    if (!sound.paused) requestAnimationFrame(follow);
  };

  sound.addEventListener("play", follow);
  sound.addEventListener("seeked", show);
  document.querySelector("main").addEventListener("click", ({ target }) => {
    const place = target.closest("[data-s]");
    if (!place) return;
    sound.currentTime = Number(place.dataset.s) / 1000;
    sound.play();
  });
}
