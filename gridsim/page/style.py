"""The look of the front page."""

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #f4f5f7; --card: #ffffff; --line: #e1e4ea; --ink: #1b2230; --soft: #667085;
  --free: #edf0f4; --edge: #98a2b3; --reservation: #f0a020; --pod: #2878e0; --other: #9560d8; --range: #5fa79b;
  --good: #1a7f4b; --good-ground: #def5e7; --bad: #b42318; --bad-ground: #fde4e1; --chip: #eef2f8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10141b; --card: #181e28; --line: #2a3240; --ink: #e6eaf1; --soft: #97a3b6;
    --free: #232b38; --edge: #5b6779; --reservation: #e9a53a; --pod: #4d96f5; --other: #ab82e6; --range: #4f9d90;
    --good: #6fd79c; --good-ground: #143625; --bad: #ff9a8f; --bad-ground: #46201d; --chip: #232c3a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 22px; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 18px; margin: 0; font-variant-numeric: tabular-nums; }
p { margin: 4px 0 0; color: var(--soft); }
code, td, .tile b { font-variant-numeric: tabular-nums; }
code, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 12.5px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 12px; margin: 20px 0; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tile { padding: 12px 16px; }
.tile b { display: block; font-size: 24px; line-height: 1.25; font-weight: 650; }
.tile span { color: var(--soft); font-size: 12.5px; }
.card { padding: 18px 20px; margin-top: 16px; }
.head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 12px; }
.head .soft { color: var(--soft); }
.head .right { margin-left: auto; color: var(--soft); }
.chips { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 10px; }
.chip { background: var(--chip); border-radius: 6px; padding: 1px 8px; font-size: 12.5px; }
.chip i { font-style: normal; color: var(--soft); }
.bar { height: 6px; border-radius: 3px; background: var(--free); margin: 12px 0 14px; overflow: hidden; }
.bar div { height: 100%; background: var(--pod); min-width: 2px; }
.map { display: grid; grid-template-columns: repeat(64, 1fr); gap: 3px; }
.map i { height: 14px; border-radius: 3px; }
@media (max-width: 860px) { .map { grid-template-columns: repeat(32, 1fr); gap: 2px; } }
.map i:hover { outline: 2px solid var(--ink); outline-offset: 1px; }
.free { background: var(--free); } .edge { background: var(--edge); } .other { background: var(--other); }
.reservation { background: var(--reservation); } .pod { background: var(--pod); }
.range { background: repeating-linear-gradient(45deg, var(--range) 0 3px, transparent 3px 6px), var(--free); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 12px 0 0; color: var(--soft); font-size: 12.5px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px;
  vertical-align: -1px; }
.scroll { overflow-x: auto; margin: 16px -20px 0; padding: 0 20px; }
.banner { color: var(--bad); background: var(--bad-ground); font-weight: 600; }
table { border-collapse: collapse; width: 100%; white-space: nowrap; }
th { text-align: left; font-weight: 550; font-size: 12px; color: var(--soft); }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
td.wide { white-space: normal; min-width: 180px; }
td.number, th.number { text-align: right; }
.dot { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 8px; }
.status { border-radius: 6px; padding: 0 7px; font-weight: 600; color: var(--good);
  background: var(--good-ground); }
.status.bad { color: var(--bad); background: var(--bad-ground); }
.empty { padding: 26px; text-align: center; color: var(--soft); }
"""
