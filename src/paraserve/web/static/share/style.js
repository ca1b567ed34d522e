/** The style of a shared page: for screens, dark ones too, and for paper. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f6; --card: #fff; --ink: #17201f; --soft: #5a6664; --line: #d4dad8; --accent: #0b6e64; --mark: #cdeee8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #111615; --card: #1a2120; --ink: #e6ecea; --soft: #9fadaa; --line: #364240; --accent: #58c9ba; --mark: #1c5148;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1.1rem/1.75 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
header { margin-bottom: 1.5rem; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.3; letter-spacing: -0.01em; overflow-wrap: anywhere; }
header p, .hint { margin: 0.25rem 0 0; color: var(--soft); font-size: 0.95rem; }
.hint { margin-bottom: 1.5rem; }
.player { position: sticky; top: 0; border-bottom: 1px solid var(--line); padding: 0.75rem 1.25rem; background: var(--card); }
.player > * { display: block; width: 100%; max-width: 46rem; margin: 0 auto; }
video { max-height: 50vh; background: #000; }
#caption { min-height: 3.2em; margin-top: 0.5rem; line-height: 1.6; text-align: center; font-weight: 600; white-space: pre-line; }
.paragraph { display: grid; grid-template-columns: 3.5rem 1fr; gap: 0.5rem; margin-bottom: 1rem; content-visibility: auto; contain-intrinsic-size: auto 6rem; }
.paragraph p { margin: 0; overflow-wrap: anywhere; }
.paragraph > :first-child { height: 1.75rem; color: var(--soft); font-size: 0.85rem; font-variant-numeric: tabular-nums; line-height: 2.2; text-align: left; }
button { border: 0; padding: 0; background: none; font-family: inherit; cursor: pointer; }
button:hover { color: var(--accent) !important; text-decoration: underline; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
b { color: var(--accent); font-size: 0.9rem; }
i { border-radius: 0.2rem; font-style: normal; }
.player ~ main i { cursor: pointer; }
.player ~ main i:hover, .played { background: var(--mark); }
@media (width < 30rem) { .paragraph { grid-template-columns: 1fr; gap: 0; } }
@media print {
  :root { --ground: #fff; --ink: #000; --soft: #444; color-scheme: light; }
  body { font-size: 11pt; }
  .player, .hint { display: none; }
  .paragraph { break-inside: avoid; content-visibility: visible; }
  .played { background: none; }
}
`;
