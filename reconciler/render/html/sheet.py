"""The style sheet of the HTML page, with its two colour schemes.

One string, so that the page's policy can allow exactly this style by its hash, and nothing else. Colours stand in
tables: the tests compute every contrast from them.
"""

import base64
import hashlib
from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "page": "#f6f7f9",
    "card": "#ffffff",
    "sunken": "#f6f8fa",
    "text": "#1f2328",
    "quiet": "#57606a",
    "edge": "#d8dee4",
    "link": "#0550ae",
    "wire": "#6e7781",
    "add": "#116329",
    "add-soft": "#e6f6ea",
    "add-word": "#abeabd",
    "remove": "#a40e26",
    "remove-soft": "#ffecea",
    "remove-word": "#ffc4bf",
    "change": "#7d4e00",
    "change-soft": "#fff5d6",
    "replace": "#6639ba",
    "replace-soft": "#f4eeff",
    "take": "#0a5872",
    "take-soft": "#e3f4fa",
    "alarm": "#a40e26",
    "alarm-soft": "#fff1f0",
    "alarm-edge": "#f0b4ae",
}
"""Colours by day."""

DARK: Mapping[str, str] = {
    "page": "#0d1117",
    "card": "#161b22",
    "sunken": "#10151c",
    "text": "#e6edf3",
    "quiet": "#9da7b1",
    "edge": "#30363d",
    "link": "#79b8ff",
    "wire": "#8b949e",
    "add": "#7ee2a0",
    "add-soft": "#12281d",
    "add-word": "#1f5a37",
    "remove": "#ff9c94",
    "remove-soft": "#31191b",
    "remove-word": "#7a2a2c",
    "change": "#f0c674",
    "change-soft": "#2b2413",
    "replace": "#d2b3ff",
    "replace-soft": "#251c38",
    "take": "#86d6f0",
    "take-soft": "#10262f",
    "alarm": "#ff9c94",
    "alarm-soft": "#2b1719",
    "alarm-edge": "#6b2c2c",
}
"""Colours by night."""

READ_ON: tuple[tuple[str, str], ...] = (
    *(("text", ground) for ground in ("page", "card", "sunken", "add-soft", "add-word", "remove-soft", "remove-word")),
    *(("text", ground) for ground in ("change-soft", "alarm-soft", "take-soft", "replace-soft")),
    *(("quiet", ground) for ground in ("page", "card", "sunken")),
    *(("link", ground) for ground in ("page", "card", "sunken", "alarm-soft", "change-soft")),
    *((style, "card") for style in ("add", "remove", "change", "replace", "take", "alarm")),
    *((style, f"{style}-soft") for style in ("add", "remove", "change", "replace", "take", "alarm")),
)
"""Which colour text has on which ground."""


def _variables(colours: Mapping[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


_SIGNS = "".join(
    f".s-{style}{{--ink:var(--{style});--soft:var(--{style}-soft)}}"
    f".g-card.g-{style}{{stroke:var(--{style})}}.g-sign.g-{style}{{fill:var(--{style})}}"
    for style in ("add", "remove", "change", "replace", "take", "alarm")
)

_RULES = """
*,*::before,*::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);overflow-wrap:anywhere;
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",Arial,
sans-serif}
code,.diff,.mono,.sign,.sizes{font-family:ui-monospace,SFMono-Regular,"SF Mono",Menlo,Consolas,"Liberation Mono",
"DejaVu Sans Mono",monospace;font-size:.875em;font-variant-ligatures:none}
main,header,footer{max-width:62rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:2.5rem}
h1,h2,h3,p,dl,dd,ul{margin:0;padding:0}
ul{list-style:none}
h1{font-size:1.9rem;line-height:1.2;font-weight:680;letter-spacing:-.015em;margin-top:.2rem}
h2{font-size:1.05rem;line-height:1.3;font-weight:650;margin:2.25rem 0 .75rem}
h3{font-size:1rem;font-weight:600;line-height:1.4;min-width:0}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:4px}
:target{outline:2px solid var(--link);outline-offset:2px}
bdi,code,del,ins{unicode-bidi:isolate}
ins,del{text-decoration:none}
.eyebrow{font-size:.8rem;font-weight:600;letter-spacing:.06em;text-transform:uppercase;color:var(--quiet)}
.lead{font-size:1.1rem;margin-top:1rem;font-weight:550}
.chips{display:flex;flex-wrap:wrap;gap:.5rem;margin-top:1rem}
.chips li{display:inline-flex;align-items:baseline;gap:.4em;padding:.2rem .7rem;border-radius:999px;
border:1px solid var(--edge);background:var(--card);color:var(--quiet);font-size:.875rem;line-height:1.5}
.chips li[class]{color:var(--ink);background:var(--soft);border-color:transparent;font-weight:600}
.chips b{font-variant-numeric:tabular-nums}
dl{display:grid;grid-template-columns:5rem minmax(0,1fr);gap:.3rem 1rem;font-size:.925rem}
dt{color:var(--quiet);grid-column:1}
dd{grid-column:2}
header dl{margin-top:1.1rem}
.notices{display:grid;gap:.5rem}
.notices li{border:1px solid var(--alarm-edge);border-left:4px solid var(--alarm);background:var(--alarm-soft);
border-radius:8px;padding:.7rem 1rem}
.notices.mild li{border-color:var(--edge);border-left-color:var(--change);background:var(--card)}
.pill{display:inline-block;border-radius:5px;padding:.05rem .45rem;margin-right:.6rem;font-size:.75rem;font-weight:700;
letter-spacing:.03em;line-height:1.6;vertical-align:.08em;background:var(--alarm);color:var(--card);white-space:nowrap}
.mild .pill{background:var(--change)}
.change{background:var(--card);border:1px solid var(--edge);border-radius:10px;margin:0 0 .75rem;
border-left:4px solid var(--ink,var(--edge));overflow:clip}
summary{cursor:pointer}
.change>summary,.bare>.head{display:grid;grid-template-columns:.9rem minmax(0,1fr) auto;align-items:baseline;
gap:.15rem .5rem;padding:.75rem 1.1rem;list-style:none}
.bare>.head{grid-template-columns:minmax(0,1fr) auto}
.change>summary::-webkit-details-marker{display:none}
.change>summary:hover{background:var(--sunken)}
.change>summary:focus-visible{outline-offset:-3px}
.change>summary::before{content:"";width:.45em;height:.45em;align-self:start;margin-top:.5em;border:solid var(--quiet);
border-width:0 2px 2px 0;transform:rotate(-45deg)}
.change[open]>summary::before{transform:rotate(45deg)}
.sign{display:inline-block;min-width:1.7em;text-align:center;border-radius:5px;padding:0 .3em;margin-right:.35rem;
font-weight:700;color:var(--ink,var(--quiet));background:var(--soft,var(--sunken))}
.verb{color:var(--ink,inherit);margin-right:.15rem}
h3 code{font-weight:600;font-size:.95em}
.place{color:var(--quiet);font-size:.875rem}
.body{padding:.9rem 1.1rem 1.1rem;border-top:1px solid var(--edge)}
.body>*+*{margin-top:.8rem}
.body>.note{margin-top:.35rem}
.field{font-weight:500;display:grid;grid-template-columns:auto minmax(0,1fr);gap:0 .3rem;align-items:baseline}
.field .sign{font-size:.8em;min-width:1.7em}
.field+.value,.field+.diff{margin-top:.4rem}
.field code{font-weight:600}
.field.deep,.field.deep+.diff,.field.deep+.note{margin-left:1.5rem}
.body>.field+.field.deep{margin-top:.35rem}
.field i{font-style:normal;font-weight:400;color:var(--quiet)}
.field .value{font-weight:400}
.value{margin-left:2rem}
.field .value{margin:0}
.value+.value{margin-top:.2rem}
.value del{background:var(--remove-soft)}
.value ins{background:var(--add-soft)}
.value del,.value ins{padding:.1em .35em;border-radius:4px;-webkit-box-decoration-break:clone;
box-decoration-break:clone}
.arrow{color:var(--quiet)}
.diff{border:1px solid var(--edge);border-radius:8px;background:var(--sunken);overflow-x:auto;line-height:1.6;
padding:.3rem 0}
.diff div{white-space:break-spaces;padding:0 .8rem 0 calc(.8rem + 2ch);text-indent:-2ch;min-height:1.6em}
.diff .add{background:var(--add-soft)}
.diff .remove{background:var(--remove-soft)}
.diff .hunk{color:var(--quiet);padding-left:.8rem;text-indent:0;font-size:.93em;margin:.3rem 0;
border-block:1px solid var(--edge);background:var(--card)}
.diff .hunk:first-child{margin-top:-.3rem;border-top:0;border-radius:8px 8px 0 0}
.diff .remark{color:var(--quiet);padding-left:.8rem;text-indent:0;font-style:italic}
.diff ins{background:var(--add-word);text-decoration:underline;text-decoration-thickness:2px;text-underline-offset:3px}
.diff del{background:var(--remove-word);text-decoration:line-through}
.diff ins,.diff del{border-radius:3px;padding:.08em 0}
.note{color:var(--quiet);font-size:.925rem}
.note.alarm{color:var(--alarm)}
.note.drift{color:var(--text);border-left:3px solid var(--replace);padding-left:.7rem}
.tally{font-weight:600}
.documents{border:1px solid var(--edge);border-radius:8px;background:var(--sunken);padding:.35rem .8rem}
.documents li{display:grid;grid-template-columns:2.2rem minmax(0,1fr) auto;column-gap:.4rem;align-items:baseline;
padding:.12rem 0}
.documents .sign{min-width:1.6em;justify-self:start}
.documents .why{grid-column:2/-1;color:var(--quiet);font-size:.875rem}
.sizes{color:var(--quiet);white-space:nowrap}
.long>summary{font-weight:500}
.long>.diff{margin-top:.6rem}
.picture{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:1rem 1.1rem}
.picture p{color:var(--quiet);font-size:.925rem;margin-bottom:.8rem}
.graph{display:block;max-width:100%;height:auto}
.g-card{fill:var(--card);stroke:var(--edge)}
.g-name{fill:var(--text)}
.g-kind,.g-sign{fill:var(--quiet)}
.g-wire{stroke:var(--wire)}
.g-dot{fill:var(--wire)}
.panel{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:.9rem 1.1rem}
.panel.body{border-top-color:var(--edge)}
.panel>.note{color:var(--text)}
footer{margin-top:2.5rem;padding-top:1.25rem;padding-bottom:3rem;color:var(--quiet);font-size:.85rem}
footer dl{border-top:1px solid var(--edge);padding-top:1.25rem;font-size:.85rem}
footer p{margin-bottom:1rem}
@media (max-width:40rem){
main,header,footer{padding-left:1rem;padding-right:1rem}
header{padding-top:1.5rem}
h1{font-size:1.5rem}
dl{grid-template-columns:4.6rem minmax(0,1fr);gap:.3rem .6rem}
.change>summary,.bare>.head,.body{padding-left:.85rem;padding-right:.85rem}
.place{grid-column:2;font-size:.8rem}
.bare>.head .place{grid-column:1}
.diff{font-size:.8rem}
dd code{font-size:.8em}
.diff div{padding-right:.5rem;padding-left:calc(.5rem + 2ch)}
.diff .hunk{padding-left:.5rem}
}
@media print{
:root{color-scheme:light;VARIABLES_IN_PRINT}
body{background:#fff;font-size:10pt}
main,header,footer{max-width:none;padding:0}
.change,.notices li,.picture{break-inside:auto}
.change>summary,h2,.field{break-after:avoid}
.change>summary::before{visibility:hidden}
details::details-content{content-visibility:visible;block-size:auto}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
a{color:inherit;text-decoration:none}
}
"""

SHEET = (
    f":root{{color-scheme:light dark;{_variables(LIGHT)}}}\n"
    f"@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}\n"
    f"{_SIGNS}{_RULES.replace('VARIABLES_IN_PRINT', _variables(LIGHT))}"
)
"""What stands between `<style>` and `</style>`."""

ALLOWED = "sha256-" + base64.b64encode(hashlib.sha256(SHEET.encode()).digest()).decode()
"""How a content security policy names this style sheet."""
