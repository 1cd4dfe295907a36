/**
 * Walks through a small network as pictures: one for each pair of them (forward, backward), and one that moves by
 * itself from step to step. Units are circles in columns, a line is as wide as its weight is large; weights kept so
 * far are dark. SVG with styles of its own: it needs no script and no other file.
 */
import { markupText } from "@phew/runs";
import { FAINT, FONT_FAMILY, INK } from "./chart.ts";

export interface DrawnEdge {
  /** Column of the unit that it leaves: 0 for the input's. */
  readonly layer: number;
  readonly from: number;
  readonly to: number;
  readonly weight: number;
}

export interface DrawnWalk {
  readonly direction: "forward" | "backward";
  /** Indices of edges in the order of the walk's steps. */
  readonly edges: readonly number[];
  /** A line of text for each step. */
  readonly captions: readonly string[];
}

export interface DrawnWalks {
  /** Names of the units of each column, the input's first. */
  readonly units: readonly (readonly string[])[];
  readonly edges: readonly DrawnEdge[];
  readonly walks: readonly DrawnWalk[];
  /** Number of weights to keep. */
  readonly keepCount: number;
}

const WIDTH = 720;
const LEFT = 70;
const TOP = 86;
const ROW = 58;
const RADIUS = 17;
const LINE = 19;
const WIDEST = 8;
const COLOURS = { forward: "#d55e00", backward: "#0072b2" } as const;
const BOTH = "#aa4499";
const UNKEPT = "#d4d9e0";
const KEY = "Dark: kept by earlier walks. Dashed: passed again. Violet: passed by both walks.";
const SECONDS_A_STEP = 1.4;
const SECONDS_AT_END = 5;

/** One SVG for each pair of walks, in their order; the last has one walk where their number is odd. */
export function walkPairPictures(drawn: DrawnWalks): string[] {
  const { walks, keepCount } = drawn;
  const pairs = Array.from({ length: Math.ceil(walks.length / 2) }, (_, k) => walks.slice(2 * k, 2 * k + 2));
  const kept = new Set<number>();
  return pairs.map((pair, k) => {
    const before = new Set(kept);
    for (const { edges } of pair) for (const edge of edges) kept.add(edge);
    const styleOf = (edge: number) => {
      const own = pair.filter(({ edges }) => edges.includes(edge));
      const colour = own.length > 1 ? BOTH : own.map(({ direction }) => COLOURS[direction])[0];
      const dashes = colour !== undefined && before.has(edge) ? ' stroke-dasharray="9 7" ' : "";
      return `stroke="${colour ?? (kept.has(edge) ? INK : UNKEPT)}"${dashes}`;
    };
    const numbers = pair.map((_, at) => 2 * k + at + 1).join(" and ");
    const title = `Walk${pair.length > 1 ? "s" : ""} ${numbers}: ${kept.size} weights kept, of ${keepCount} wanted`;
    const lines = pair.map(({ direction, captions }, at) =>
      column([`${direction}, walk ${2 * k + at + 1}`, ...captions], at, bottomOf(drawn), COLOURS[direction]),
    );
    const longest = Math.max(...pair.map(({ captions }) => captions.length));
    const key = text(
      LEFT - 40,
      bottomOf(drawn) + Math.round((longest + 1.4) * LINE),
      KEY,
      `font-size="12" fill="${FAINT}"`,
    );
    return page(drawn, title, longest + 2.4, `${ground(drawn, kept, styleOf)}${lines.join("")}${key}`);
  });
}

/** All steps in an endless animation; the last picture for readers who prefer no motion, and without animations. */
export function walkAnimation(drawn: DrawnWalks): string {
  const { walks, edges, keepCount } = drawn;
  const steps = walks.flatMap(({ direction, edges: own, captions }, walk) =>
    own.map((edge, at) => ({ walk, edge, direction, caption: captions[at]! })),
  );
  const seconds = steps.length * SECONDS_A_STEP + SECONDS_AT_END;
  const percent = (step: number) => `${((100 * step * SECONDS_A_STEP) / seconds).toFixed(2)}%`;
  const rules: string[] = [];
  const move = (name: string, frames: string) =>
    rules.push(
      `@keyframes ${name} { ${frames} }`,
      `.${name} { animation: ${name} ${seconds.toFixed(1)}s step-end infinite; }`,
    );
  const kept = new Set(steps.map(({ edge }) => edge));
  for (const edge of kept) {
    const frames = steps.flatMap((step, at) => {
      if (step.edge !== edge) return [];
      const walkEnd = steps.findLastIndex(({ walk }) => walk === step.walk) + 1;
      return [
        `${percent(at)} { stroke: ${COLOURS[step.direction]}; }`,
        `${percent(walkEnd)} { stroke: ${INK}; }`,
      ];
    });
    move(`e${edge}`, `0% { stroke: ${UNKEPT}; } ${frames.join(" ")}`);
  }
  const soFar = new Set<number>();
  const captions = steps.map(({ walk, edge, direction, caption }, at) => {
    soFar.add(edge);
    const isLast = at === steps.length - 1;
    move(
      `c${at}`,
      `0% { visibility: hidden; } ${percent(at)} { visibility: visible; }${isLast ? "" : ` ${percent(at + 1)} { visibility: hidden; }`}`,
    );
    const captionLines = [
      `walk ${walk + 1}, ${direction}: ${caption}`,
      `${soFar.size} of ${keepCount} weights kept`,
    ];
    const text = column(captionLines, 0, bottomOf(drawn), COLOURS[direction]);
    return `<g class="c${at}"${isLast ? "" : ' visibility="hidden"'}>${text}</g>`;
  });
  const styleOf = (edge: number) => `class="e${edge}" stroke="${kept.has(edge) ? INK : UNKEPT}"`;
  const style = `<style>@media (prefers-reduced-motion: no-preference) { ${rules.join(" ")} }</style>`;
  const title = `PHEW step by step: ${edges.length} weights, ${keepCount} to keep`;
  return page(drawn, title, 2, `${style}${ground(drawn, kept, styleOf)}${captions.join("")}`);
}

function page(drawn: DrawnWalks, title: string, lineCount: number, content: string): string {
  const height = bottomOf(drawn) + Math.round(lineCount * LINE) + 14;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="${FONT_FAMILY}" role="img" aria-label="${markupText(title)}"><rect width="100%" height="100%" fill="white"/>${text(LEFT - 40, 36, title, `font-size="17" font-weight="600" fill="${INK}"`)}${content}</svg>\n`;
}

/** Edges, kept ones above the others, and units. @param styleOf attributes of an edge's line */
function ground(drawn: DrawnWalks, kept: ReadonlySet<number>, styleOf: (edge: number) => string): string {
  const { units, edges } = drawn;
  const largest = Math.max(...edges.map(({ weight }) => Math.abs(weight)));
  const lines = edges.map(({ layer, from, to, weight }, k) => {
    const [a, b] = [placeOf(drawn, layer, from), placeOf(drawn, layer + 1, to)];
    const width = ((WIDEST * Math.abs(weight)) / largest).toFixed(2);
    const weightText = `${units[layer]![from]} to ${units[layer + 1]![to]}: ${Number(weight.toPrecision(4))}`;
    return `<line x1="${a.x}" y1="${a.y}" x2="${b.x}" y2="${b.y}" stroke-width="${width}" stroke-linecap="round" ${styleOf(k)}><title>${markupText(weightText)}</title></line>`;
  });
  const circles = units.flatMap((names, layer) =>
    names.map((name, unit) => {
      const { x, y } = placeOf(drawn, layer, unit);
      const circle = `<circle cx="${x}" cy="${y}" r="${RADIUS}" fill="white" stroke="${INK}" stroke-width="1.5"/>`;
      return `${circle}${text(x, y + 4.5, name, `font-size="13" text-anchor="middle" fill="${INK}"`)}`;
    }),
  );
  const above = (isKept: boolean) => lines.filter((_, k) => kept.has(k) === isKept);
  return [...above(false), ...above(true), ...circles].join("");
}

/** Columns are centred on one line. */
function placeOf({ units }: DrawnWalks, layer: number, unit: number): { x: number; y: number } {
  const most = Math.max(...units.map((names) => names.length));
  const step = (WIDTH - 2 * LEFT) / (units.length - 1);
  const y = TOP + ROW * (unit + (most - units[layer]!.length) / 2);
  return { x: Math.round(LEFT + layer * step), y: Math.round(y) };
}

/** Where text below the network begins. */
const bottomOf = ({ units }: DrawnWalks) =>
  TOP + ROW * (Math.max(...units.map((names) => names.length)) - 1) + RADIUS + 34;

/** Lines of text, the first as a heading, in the left or the right half. */
function column(lines: readonly string[], at: number, top: number, colour: string): string {
  const x = LEFT - 40 + at * (WIDTH / 2 - LEFT / 2 + 20);
  return lines
    .map((line, k) => {
      const style = k === 0 ? `font-weight="600" fill="${colour}"` : `fill="${FAINT}"`;
      return text(x, top + k * LINE, line, `font-size="13" ${style}`);
    })
    .join("");
}

const text = (x: number, y: number, content: string, attributes: string) =>
  `<text x="${x}" y="${y}" ${attributes}>${markupText(content)}</text>`;
