/** The menu that makes a page to share. */
import { save } from "../recording/actions.js";
import { sizeOf } from "../history/facts.js";
import { say } from "../words/words.js";

/** A sound is written into the page as text, which a browser has to hold as one. */
const LARGEST_SOUND_BYTES = 200_000_000;

/** Let the menu of an entry's element save its recording as a page, with the sound where there is one. */
export function listenToShare(root, recording) {
  const menu = root.querySelector(".share");
  const [withSound, textOnly] = menu.querySelectorAll("button");
  menu.addEventListener("toggle", () => {
    const { sound } = recording;
    withSound.hidden = !sound || sound.size > LARGEST_SOUND_BYTES;
    say(withSound, "share.sound", { size: sizeOf(((sound?.size ?? 0) * 4) / 3) }); // six bits a character
  });
  const share = async (hasSound) => {
    const { sharedPage } = await import("./share.js");
    save(`${recording.name}.html`, await sharedPage(recording, hasSound));
    menu.open = false;
    menu.querySelector("summary").focus();
  };
  withSound.addEventListener("click", () => share(true));
  textOnly.addEventListener("click", () => share(false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
