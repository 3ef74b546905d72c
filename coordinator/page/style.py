"""The look of the status page, in light and in dark, with the policy that lets nothing else into it."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --ground: #f4f5f7; --card: #ffffff; --line: #e1e4ea; --ink: #1b2230; --soft: #5b6678; --free: #e9edf3;
  --held: #2878e0; --ready: #8fbcf5; --resting: #f0a020; --others: #9560d8;
  --good: #1a7f4b; --warn: #9a5b00; --bad: #b42318; --bad-ground: #fdecea; --chip: #eef2f8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10141b; --card: #181e28; --line: #2a3240; --ink: #e6eaf1; --soft: #9aa6b8; --free: #2a3341;
    --held: #4d96f5; --ready: #2f5f9e; --resting: #e9a53a; --others: #ab82e6;
    --good: #6fd79c; --warn: #f0b45a; --bad: #ff9a8f; --bad-ground: #3d1d1b; --chip: #232c3a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 60px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 14px; }
h1 { font-size: 22px; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 16px; margin: 0 0 10px; }
p { margin: 4px 0 0; color: var(--soft); }
header .right { margin-left: auto; color: var(--soft); font-variant-numeric: tabular-nums; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; margin: 20px 0 0; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tile { padding: 12px 16px; min-width: 0; }
.tile h2 { font-size: 12.5px; font-weight: 500; color: var(--soft); margin: 0; }
.tile b { display: block; font-size: 20px; line-height: 1.35; font-weight: 650; overflow-wrap: anywhere; }
.tile p { font-size: 12.5px; overflow-wrap: anywhere; }
.card { padding: 18px 20px; margin-top: 16px; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.alarms { border-color: var(--bad); background: var(--bad-ground); }
.alarms ul { margin: 0; padding: 0; list-style: none; }
.alarms li { padding: 4px 0; overflow-wrap: anywhere; }
.network { padding: 10px 0 12px; border-bottom: 1px solid var(--line); }
.network:last-of-type { border-bottom: 0; padding-bottom: 0; }
.network .line { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 12px;
  font-variant-numeric: tabular-nums; }
.network .soft, .soft { color: var(--soft); }
.network .right { margin-left: auto; }
.bar { display: block; width: 100%; height: 10px; border-radius: 5px; margin: 6px 0 4px; background: var(--free); }
.bar .held { fill: var(--held); } .bar .ready { fill: var(--ready); }
.bar .resting { fill: var(--resting); } .bar .others { fill: var(--others); } .bar .ranges { fill: var(--soft); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; color: var(--soft); font-size: 12.5px; }
.legend span::before { content: ""; display: inline-block; width: 10px; height: 10px; border-radius: 3px;
  margin-right: 6px; vertical-align: -1px; background: var(--free); }
.legend .held::before { background: var(--held); } .legend .ready::before { background: var(--ready); }
.legend .resting::before { background: var(--resting); } .legend .others::before { background: var(--others); }
.legend .ranges::before { background: var(--soft); }
.scroll { overflow-x: auto; margin: 0 -20px; padding: 0 20px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th { text-align: left; font-weight: 550; font-size: 12px; color: var(--soft); white-space: nowrap; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { white-space: nowrap; overflow-wrap: anywhere; }
tbody tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; }
.why { display: block; white-space: normal; min-width: 260px; }
.chips { display: flex; flex-wrap: wrap; gap: 3px 6px; white-space: normal; min-width: 300px; }
.chip { background: var(--chip); border-radius: 6px; padding: 0 7px; font-size: 12.5px; overflow-wrap: anywhere; }
.chip i { font-style: normal; color: var(--soft); }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 12.5px; }
"""

ICON: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='4' fill='%232878e0'/%3E"
    "%3Crect x='3' y='4' width='10' height='3' fill='white'/%3E"
    "%3Crect x='3' y='9' width='6' height='3' fill='white'/%3E%3C/svg%3E"
)

_STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()

POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy: this one style sheet, no script at all, nothing from anywhere."""
