/** The channels of a recording, whose names can be changed everywhere at once. */
import { hasChannel } from "../transcripts/joining.js";
import { label, say } from "../words/words.js";

const LONGEST_NAME = 40;

/** Show a field for the name of each channel. `onName(channel, name)` takes what is written there, "" for none. */
export function showChannels(place, transcript, onName) {
  const channels = [...new Set(transcript.sentences.filter(hasChannel).map(({ channel }) => channel))].sort((a, b) => a - b);
  place.hidden = !channels.length;
  if (place.querySelectorAll("input").length === channels.length) return; // somebody may be writing there
  place.replaceChildren(...channels.map((channel) => field(channel, transcript.channel_names ?? {}, onName)));
}

function field(channel, names, onName) {
  const line = document.createElement("label");
  const name = document.createElement("span");
  say(name, "channel", { channel });
  const input = document.createElement("input");
  input.maxLength = LONGEST_NAME;
  input.value = names[channel] ?? "";
  input.spellcheck = false;
  label(input, "channel.name", { channel });
  input.addEventListener("change", () => onName(channel, input.value.replace(/[[\]\s]+/g, " ").trim()));
  line.append(name, input);
  return line;
}
