/** How much room the browser has for recordings. Pages without https are not told, and simply try. */

const LARGEST_SOUND_BYTES = 1_000_000_000;
const SHARE_OF_ROOM = 0.5; // of what is free, so that one video does not push out a hundred texts

/** Whether a sound of that size should be kept. */
export async function hasRoomFor(bytes) {
  if (bytes > LARGEST_SOUND_BYTES) return false;
  if (!navigator.storage?.estimate) return true;
  const { quota, usage } = await navigator.storage.estimate();
  return bytes <= (quota - usage) * SHARE_OF_ROOM;
}

/** Ask the browser not to clear recordings away when its disk gets full. It decides by itself, most without asking. */
export function askToStay() {
  return navigator.storage?.persist?.();
}
