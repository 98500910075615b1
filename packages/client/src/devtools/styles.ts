/** The panel's own styles: a page's do not reach into it, and its own do not reach out. */
export const STYLES = `
:host {
  all: initial;
  color-scheme: inherit;
  position: fixed;
  inset: auto 0 0 0;
  z-index: 2147483647;
  --ground: light-dark(#fff, #14171f);
  --raised: light-dark(#f2f4f8, #1e232e);
  --ink: light-dark(#161a25, #e7eaf2);
  --soft: light-dark(#4c566a, #a9b2c4);
  --rule: light-dark(#d5dae3, #303848);
  --accent: light-dark(#2d4fa8, #9db8ff);
  --good: light-dark(#126b44, #4cc38a);
  --wait: light-dark(#8a5a00, #f0b44c);
  --bad: light-dark(#a8322f, #ff9c94);
  font: 13px/1.45 system-ui, sans-serif;
  color: var(--ink);
}
[hidden] { display: none !important }
* { box-sizing: border-box; margin: 0; min-width: 0 }
section {
  display: grid;
  grid-template-rows: auto minmax(0, 1fr);
  height: min(26rem, 60vh);
  background: var(--ground);
  border-top: 1px solid var(--rule);
  box-shadow: 0 -4px 24px rgb(0 0 0 / .18);
}
header { display: flex; flex-wrap: wrap; align-items: center; gap: 0 12px; padding: 0 12px; background: var(--raised); border-bottom: 1px solid var(--rule) }
h2 { flex: 1; font-size: 13px; font-weight: 650; padding: 7px 0; white-space: nowrap }
h2 span { font-weight: 400; color: var(--soft); margin-left: 6px }
h2::before { content: ''; display: inline-block; width: 8px; height: 8px; margin-right: 8px; border-radius: 50%; background: var(--bad) }
[data-status=connected] h2::before { background: var(--good) }
[data-status=connecting] h2::before { background: var(--wait) }
[role=tablist] { display: flex; overflow-x: auto; scrollbar-width: none }
[role=tab] { border: 0; border-bottom: 2px solid transparent; border-radius: 0; background: none; padding: 7px 10px; color: var(--soft); white-space: nowrap }
[role=tab][aria-selected=true] { border-bottom-color: var(--accent); color: var(--accent) }
[role=tab] span { margin-left: 5px; font-weight: 400; font-size: 11px; color: var(--soft) }
[role=tabpanel] { overflow: auto; padding: 10px 12px; overscroll-behavior: contain }
button, select, input { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--rule); border-radius: 4px; padding: 3px 9px }
button { cursor: pointer }
button:hover:enabled { border-color: var(--accent); color: var(--accent) }
button:disabled { color: var(--soft); cursor: default; opacity: .7 }
button[aria-pressed=true] { background: var(--accent); border-color: var(--accent); color: var(--ground) }
.close { border: 0; background: none; font-size: 16px; line-height: 1; padding: 6px 8px }
:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px }
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; margin-bottom: 8px }
.tools label { display: flex; align-items: center; gap: 5px; color: var(--soft) }
input[type=search] { flex: 1 1 9rem; max-width: 20rem }
input[type=checkbox] { accent-color: var(--accent) }
dl { columns: 22rem; column-gap: 24px }
dl div { break-inside: avoid; display: flex; gap: 10px; padding: 4px 0; border-bottom: 1px solid var(--rule) }
dt { flex: 0 0 7rem; color: var(--soft) }
dd { overflow-wrap: anywhere }
ul, ol { list-style: none; padding: 0 }
.rows > li, .wire > li { border-bottom: 1px solid var(--rule) }
summary { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 10px; padding: 4px 0; cursor: pointer; list-style: none }
summary::-webkit-details-marker { display: none }
summary::before { content: '▸'; color: var(--soft) }
[open] > summary::before { content: '▾' }
.entry { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 10px; padding: 5px 0 }
.facts, .hint, .none, time, .size, .channel { color: var(--soft) }
.hint { padding: 3px 0 }
.body { padding: 0 0 8px 16px }
b { overflow-wrap: anywhere }
.state { font-weight: 600; color: var(--wait) }
:is([data-state=live], [data-state=Online], [data-state=confirmed]).state { color: var(--good) }
:is([data-state=failed], [data-state=Busy], [data-state=rejected], [data-state=unknown]).state { color: var(--bad) }
[data-state=Offline].state { color: var(--soft) }
code, pre, time, .size, .held { font: 12px/1.5 ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace }
pre, .held li, .entry code { white-space: pre-wrap; overflow-wrap: anywhere }
.wire summary { display: grid; grid-template-columns: 1em 1em 6.6rem 6.5rem minmax(0, 9rem) minmax(0, 10rem) 4.2rem minmax(0, 1fr); padding: 2px 0 }
.wire summary > * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.wire .size, .wire .facts { text-align: right }
[data-way=up] :is(.way, b) { color: var(--accent) }
.wire pre { padding: 2px 0 8px 3em }
.wire pre:empty { display: none }
@media (max-width: 48rem) {
  section { height: min(30rem, 60vh) }
  header { padding: 0 6px 0 12px }
  h2 { order: -2 }
  .close { order: -1 }
  [role=tablist] { flex-basis: 100%; margin: 0 -10px }
  [role=tab] { flex: 1 0 auto; padding: 7px 5px }
  .wire summary { grid-template-columns: 1em 1em minmax(0, 1fr) auto auto; }
  .wire time { order: 1; grid-column: 3 }
  .wire .channel { order: 1; grid-column: 4 / 6; text-align: right }
  .wire summary code { order: 2; grid-column: 3 / 6 }
}
`;
