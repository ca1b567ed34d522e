/** Figures as people read them. */

/** Seconds as "12 s", "3 min 5 s", "2 h 10 min" or "4 d 3 h". */
export function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** Milliseconds as "120 ms" or "1.4 s". */
export function milliseconds(ms) {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Bytes as "640 kB", "12 MB" or "1.5 GB". */
export function bytes(n) {
  if (n < 1e6) return `${Math.round(n / 1e3)} kB`;
  return n < 1e9 ? `${Math.round(n / 1e6)} MB` : `${(n / 1e9).toFixed(1)} GB`;
}

/** A part of a whole in words: "1.2 s of 3.0 s (40 %)", where the whole is known. */
export function progress(doneMs, wholeMs) {
  if (!wholeMs) return duration(doneMs / 1000);
  return `${duration(doneMs / 1000)} / ${duration(wholeMs / 1000)} (${Math.min(100, Math.round((100 * doneMs) / wholeMs))} %)`;
}

/** The time of day of a Unix time. */
export function timeOfDay(atS) {
  return new Date(atS * 1000).toLocaleTimeString();
}
