/** ZIP archives whose files are stored as they are, as Blobs of Blobs: their bytes are never all in memory. */

const LARGEST_32 = 0xffffffff;
const MOST_16 = 0xffff;
const VERSION = 45; // of the form, that of archives beyond 4 GB
const UTF8_NAMES = 0x0800;
const CRCS = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/**
 * Make an archive. `files` are {name, blob, modifiedMs}, from a list or an asynchronous generator; each is less than
 * 4 GB. Names are taken as they are: see `safeNames`. `most` is the last offset that takes the old form, for tests.
 */
export async function zip(files, most = LARGEST_32) {
  const [parts, entries] = [[], []];
  let offset = 0;
  for await (const { name, blob, modifiedMs } of files) {
    const entry = { name: new TextEncoder().encode(name), crc: await crcOf(blob), bytes: blob.size, modifiedMs, offset };
    const header = record(0x04034b50, [[2, VERSION], ...common(entry), [2, 0]], entry.name);
    parts.push(header, blob);
    entries.push(entry);
    offset += header.length + blob.size;
  }
  const directory = entries.map((entry) => directoryEntry(entry, most));
  const bytes = directory.reduce((sum, part) => sum + part.length, 0);
  return new Blob([...parts, ...directory, ...ends(entries.length, bytes, offset, most)], { type: "application/zip" });
}

function directoryEntry(entry, most) {
  const isFar = entry.offset > most;
  const extra = isFar ? [[2, 1], [2, 8], [8, entry.offset]] : [];
  const rest = [[2, isFar ? 12 : 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, isFar ? LARGEST_32 : entry.offset]];
  return record(0x02014b50, [[2, VERSION], [2, VERSION], ...common(entry), ...rest], entry.name, fields(extra));
}

/** What both headers of a file have: from the flags to the length of the name. */
function common({ name, crc, bytes, modifiedMs }) {
  const at = new Date(modifiedMs);
  const time = (at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1);
  const date = ((at.getFullYear() - 1980) << 9) | ((at.getMonth() + 1) << 5) | at.getDate();
  return [[2, UTF8_NAMES], [2, 0], [2, time], [2, date], [4, crc], [4, bytes], [4, bytes], [2, name.length]];
}

function ends(n, bytes, offset, most) {
  const isLarge = offset > most || n > MOST_16;
  const large = isLarge
    ? [
        record(0x06064b50, [[8, 44], [2, VERSION], [2, VERSION], [4, 0], [4, 0], [8, n], [8, n], [8, bytes], [8, offset]]),
        record(0x07064b50, [[4, 0], [8, offset + bytes], [4, 1]]),
      ]
    : [];
  const [count, at] = isLarge ? [MOST_16, LARGEST_32] : [n, offset];
  return [...large, record(0x06054b50, [[2, 0], [2, 0], [2, count], [2, count], [4, bytes], [4, at], [2, 0]])];
}

function record(signature, numbers, ...rest) {
  const parts = [fields([[4, signature], ...numbers]), ...rest];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** [bytes, number] each, the lowest byte first. */
function fields(numbers) {
  return Uint8Array.from(numbers.flatMap(([bytes, number]) => Array.from({ length: bytes }, (_, n) => Math.floor(number / 256 ** n) % 256)));
}

async function crcOf(blob) {
  let crc = LARGEST_32;
  for await (const bytes of chunksOf(blob)) for (const byte of bytes) crc = CRCS[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ LARGEST_32) >>> 0;
}

/** Not every browser can go through a stream with `for await`. */
async function* chunksOf(blob) {
  const reader = blob.stream().getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) yield value;
}
