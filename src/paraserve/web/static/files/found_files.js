/** The recordings among what is dropped, pasted or chosen, those of folders, too. */

const ENDINGS = new Set(
  (
    "3gp aac ac3 aif aifc aiff amr ape asf au avi awb caf dts flac flv gsm m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpeg mpg " +
    "mts mxf oga ogg ogv opus ra rm sph tta ts voc w64 wav weba webm wma wmv wv"
  ).split(" "),
);
const inOrder = new Intl.Collator(undefined, { numeric: true }).compare; // 2.wav before 10.wav

/**
 * What a drop has: {files: [{file, path}], skipped}. Of a folder all recordings are taken, at any depth, and `skipped`
 * counts its other files. A file that was dropped itself is taken whatever it is: the server knows more formats.
 */
export async function droppedFiles(transfer) {
  // All entries have to be asked for before anything is waited for: the drop is over then.
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const files = entries.filter((entry) => entry instanceof File).map((file) => ({ file, path: file.name }));
  const found = { files, skipped: 0 };
  for (const entry of entries) if (!(entry instanceof File)) await take(entry, found);
  found.files.sort((a, b) => inOrder(a.path, b.path));
  return found;
}

/** The same of a list of files, as a form has it; those of a folder have `webkitRelativePath`. */
export function chosenFiles(list) {
  const all = [...list].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  const files = all.filter(({ file }) => !file.webkitRelativePath || isRecording(file));
  files.sort((a, b) => inOrder(a.path, b.path));
  return { files, skipped: all.length - files.length };
}

async function take(entry, found, isInFolder = false) {
  if (entry.isDirectory) {
    for (const inner of await entriesOf(entry.createReader())) await take(inner, found, true);
    return;
  }
  const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null))); // it may not be read
  if (file && (!isInFolder || isRecording(file))) found.files.push({ file, path: entry.fullPath.slice(1) });
  else found.skipped += 1;
}

/** A reader gives a hundred at a time, and none at the end. */
async function entriesOf(reader) {
  const all = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return all;
    all.push(...some);
  }
}

function isRecording({ name, type }) {
  if (name.startsWith(".")) return false; // macOS keeps facts about 1.wav in ._1.wav
  return /^(audio|video)\//.test(type) || ENDINGS.has(name.split(".").at(-1).toLowerCase());
}
