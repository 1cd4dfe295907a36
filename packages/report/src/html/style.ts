/** The style of the page: no files beside it, dark where the reader's system is, narrow and printed. */
export function pageStyle(darkRules: string): string {
  return `${LIGHT}
@media (prefers-color-scheme: dark) {
@media not print {
:root{--page:#14171d;--ink:#e3e6eb;--faint:#a2acba;--line:#2f3641;--shade:#1b2028;--link:#7fb8ea;--edge:#a2acba80}
${darkRules}
}
}
${NARROW}
${PRINT}`;
}

/**
 * A shadow at the edge behind which a table goes on: two that stay with the box, and two of the page's colour that move with
 * its content and cover them at its ends.
 */
const EDGES =
  "background:linear-gradient(to right,var(--page) 40%,transparent) left/3rem 100% local no-repeat,linear-gradient(to left,var(--page) 40%,transparent) right/3rem 100% local no-repeat,linear-gradient(to right,var(--edge),transparent) left/1.4rem 100% scroll no-repeat,linear-gradient(to left,var(--edge),transparent) right/1.4rem 100% scroll no-repeat";

const LIGHT = `:root{color-scheme:light dark;--page:#fff;--ink:#1f2430;--faint:#5b6472;--line:#d9dee5;--shade:#f5f7f9;--link:#0b62a8;--edge:#1f243073}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;padding:2rem 1.5rem 4rem;max-width:72rem;background:var(--page);color:var(--ink);font:16px/1.5 "IBM Plex Sans",system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 .4rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.6rem 0 .6rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h3{font-size:1.05rem;margin:0}
p{margin:.4rem 0}
a{color:var(--link)}
.faint,figcaption p,.note{color:var(--faint)}
.note,figcaption p{font-size:.9rem}
nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;margin:.8rem 0 0;padding:0;list-style:none}
.wide{overflow-x:auto;margin:.8rem 0;max-width:100%;scrollbar-width:thin;scrollbar-color:var(--faint) var(--shade);${EDGES}}
.desk{background:none}
.phone{display:none}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .8rem .35rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{font-weight:600;vertical-align:bottom}
td{white-space:nowrap}
.number{text-align:right}
.settings td,.reasons td:nth-child(4){white-space:normal;overflow-wrap:anywhere}
.reasons td:nth-child(4){min-width:20rem}
.claims td:nth-child(n+3){white-space:normal;min-width:16rem}
details{margin:.5rem 0}
figure{margin:1.6rem 0 2.2rem;break-inside:avoid}
figure .wide svg{display:block;height:auto;max-width:100%;min-width:min(100%,38rem)}
pre{overflow-x:auto;padding:.8rem 1rem;background:var(--shade);border:1px solid var(--line);border-radius:4px;font:.82rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
summary{cursor:pointer}
ul.plain{padding-left:1.2rem}
li{overflow-wrap:anywhere}`;

const NARROW = `@media (max-width:40rem) {
body{padding:1.2rem 1rem 3rem;font-size:15px}
h1{font-size:1.35rem}
.desk{display:none}
.phone{display:block}
.phone svg{display:block;height:auto;max-width:100%}
.reasons td:nth-child(4){min-width:14rem}
.claims thead{display:none}
.claims tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--line)}
.claims td{display:block;padding:0;border:0}
.claims td:nth-child(2){font-weight:600}
}`;

const PRINT = `@media print {
:root{color-scheme:light}
@page{margin:16mm}
body{padding:0;max-width:none;font-size:10pt}
nav{display:none}
h2,h3{break-after:avoid}
.wide,pre{overflow:visible}
.wide{background:none}
.desk{display:block}
.phone{display:none}
table{font-size:7pt}
th,td{padding:.15rem .5rem .15rem 0}
td{white-space:normal;overflow-wrap:break-word}
td:first-child,.number{white-space:nowrap}
.settings td{overflow-wrap:anywhere}
tr{break-inside:avoid}
thead{display:table-header-group}
figure{margin:0 0 6mm}
figure .wide svg{width:135mm;min-width:0;max-width:100%;max-height:230mm}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:8pt}
a{color:inherit;text-decoration:none}
}`;
