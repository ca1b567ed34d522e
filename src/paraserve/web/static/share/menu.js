/** The part of an entry's menu that makes a page to share. */
import { save } from "../saving.js";

/** A sound is written into the page as text, which a browser has to hold as one. */
const LARGEST_SOUND_BYTES = 200_000_000;

/** Let the menu of an entry's element save its recording as a page, with the sound where there is one. */
export function listenToShare(root, recording) {
  const menu = root.querySelector(".save");
  const withSound = menu.querySelector(".share-sound");
  menu.addEventListener("toggle", () => {
    withSound.hidden = !recording.sound || recording.sound.size > LARGEST_SOUND_BYTES;
  });
  const share = async (hasSound) => {
    const { sharedPage } = await import("./share.js");
    save(`${recording.name}.html`, await sharedPage(recording, hasSound));
    menu.open = false;
  };
  withSound.addEventListener("click", () => share(true));
  menu.querySelector(".share-text").addEventListener("click", () => share(false));
}
