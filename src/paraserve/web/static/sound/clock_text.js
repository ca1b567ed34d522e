/** A time as 1:02 or 1:02:03. */
export function clockText(atMs) {
  const seconds = Math.max(0, Math.floor(atMs / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, String(seconds % 60).padStart(2, "0")];
  return h ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}
