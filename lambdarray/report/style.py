"""How a report looks: colours that colour-blind readers tell apart (after Okabe and Ito), in light and dark."""

from __future__ import annotations

# What is shown within another page has that page's own text colour and background.
SHEET = """
.la{--starting:#cc79a7;--waiting:#e69f00;--computing:#1b74b3;--writing:#009e73;--lost:#d55e00;--idle:#8884;
--rule:#8885;--soft:#8881;font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:inherit}
.la *{box-sizing:border-box}
.la h1{font-size:1.5em;margin:0 0 .1em;line-height:1.25}
.la h2{font-size:1.1em;margin:2.2em 0 .2em}
.la p{margin:.2em 0 .7em;max-width:95ch}
.la .dim{opacity:.72;font-size:.88em}
.la .figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(148px,1fr));gap:10px;margin:1.2em 0}
.la .figures>div{background:var(--soft);border-radius:10px;padding:10px 14px;min-width:0}
.la .figures b{display:block;font-size:1.25em;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums;
overflow-wrap:anywhere}
.la .figures span{display:block;opacity:.72;font-size:.84em;line-height:1.4}
.la .error{border-left:4px solid var(--lost);background:var(--soft);padding:10px 14px;margin:1em 0;
border-radius:0 8px 8px 0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.92em;max-height:24em;overflow-y:auto}
.la .legend{display:flex;flex-wrap:wrap;gap:.2em 1.2em;margin:.2em 0 .8em;font-size:.88em}
.la .legend i{display:inline-block;width:.85em;height:.85em;border-radius:2px;margin-right:.4em;vertical-align:-.08em}
.la .legend i.line{height:0;width:1.7em;border-top:3px solid;border-radius:0;vertical-align:.25em;
background:none!important}
.la .legend i.dash{border-top-style:dashed;border-top-width:2px}
.la .plot{display:grid;grid-template-columns:max-content minmax(0,1fr);margin:0;font-size:12px;
font-variant-numeric:tabular-nums;padding-right:1.4em}
.la .plot svg{display:block;width:100%;overflow:visible}
.la .plot .y{position:relative;min-width:6.2em}
.la .plot .y span{position:absolute;right:.6em;transform:translateY(50%);white-space:nowrap;opacity:.75}
.la .plot .names{font-size:.85em;min-width:7.3em}
.la .plot .y u{visibility:hidden;text-decoration:none;white-space:nowrap;display:block;height:0;padding-right:.6em}
.la .plot .x{grid-column:2;position:relative;height:1.8em}
.la .plot .x span{position:absolute;top:.35em;transform:translateX(-50%);white-space:nowrap;opacity:.75}
.la .plot .unit{grid-column:1/3;opacity:.75;margin-bottom:.6em}
.la svg .grid{stroke:var(--rule);stroke-width:1;vector-effect:non-scaling-stroke}
.la svg .line{fill:none;stroke-width:2;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.la svg .dash{stroke-dasharray:6 5;stroke:currentColor;opacity:.7;stroke-width:1.5}
.la svg .cut{stroke:var(--paper,transparent);stroke-width:1;vector-effect:non-scaling-stroke;fill:none}
.la svg .tip{fill:transparent}
.la svg .tip:hover{fill:#8883}
.la .wide{overflow:auto;margin:.4em 0;max-height:32em}
.la table{border-collapse:collapse;font-size:.86em;font-variant-numeric:tabular-nums}
.la th,.la td{padding:.3em .8em .3em 0;text-align:right;white-space:nowrap;border-bottom:1px solid var(--soft)}
.la th{font-weight:600;border-bottom-color:var(--rule);vertical-align:bottom}
.la th.text,.la td.text{text-align:left}
.la td.long,.la th.long{text-align:left;white-space:normal;min-width:14em;overflow-wrap:anywhere}
.la .bars{display:inline-block;width:110px;vertical-align:middle}
.la .bars i{display:block;height:5px;border-radius:1px;min-width:1px}
.la .bars .p{background:none;border:1px solid currentColor;opacity:.55;margin-bottom:2px}
.la .bars .m{background:var(--computing)}
.la th[colspan]{text-align:center;border-bottom:0;padding-bottom:0}
.la th.more{font-weight:400;opacity:.75}
@media (max-width:600px){.la .figures{grid-template-columns:1fr 1fr}.la .figures b{font-size:1.2em}}
@media (prefers-color-scheme:dark){.la{--computing:#4ba3e3;--writing:#1fb88d;--lost:#f0743a}}
"""
PAGE = """
:root{color-scheme:light dark}
body{margin:0;background:#fff;color:#1b1f24}
.la{--paper:#fff;max-width:1240px;margin:auto;padding:clamp(14px,3vw,40px)}
@media (prefers-color-scheme:dark){body{background:#14171b;color:#e3e6ea}.la{--paper:#14171b}}
.la thead{position:sticky;top:0;background:var(--paper)}
@media print{.la .tip{display:none}.la .wide,.la .error{max-height:none}}
"""
