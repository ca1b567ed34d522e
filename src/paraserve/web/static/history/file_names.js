/** Names of files that every system takes. */

const LONGEST = 80; // characters: with Chinese letters in UTF-8 still less than the 255 bytes of most file systems
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/** A function that gives each title a name without an ending, unlike those before in any system. */
export function namer() {
  const taken = new Set();
  return (title) => {
    const safe = safeName(title);
    let name = safe;
    for (let n = 2; taken.has(name.toLowerCase()); n += 1) name = `${safe} (${n})`;
    taken.add(name.toLowerCase());
    return name;
  };
}

/** No separators, no signs that Windows refuses, nothing that hides or goes up a folder. */
export function safeName(title) {
  const text = [...title.normalize("NFC").replace(/[\p{C}<>:"/\\|?*]+/gu, " ").replace(/\s+/g, " ")];
  const name = text.slice(0, LONGEST).join("").replace(/^[\s.]+|[\s.]+$/g, "");
  if (!name) return "recording";
  return RESERVED.test(name.split(".")[0]) ? `${name}_` : name;
}

const ENDINGS = { "audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/x-m4a": "m4a", "audio/x-wav": "wav", "video/quicktime": "mov" };

/** The ending of a sound's file: that of its title, or that of its type. None is that of a text beside it. */
export function endingOf(title, type) {
  const [, own] = /\.(?!txt$|srt$|json$)([a-z0-9]{1,5})$/i.exec(title) ?? [];
  const [, subtype] = /^\w+\/(?:x-)?([a-z0-9]+)/i.exec(type) ?? [];
  return (own ?? ENDINGS[type] ?? subtype ?? "bin").toLowerCase();
}
