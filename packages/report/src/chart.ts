/** Vega-Lite specifications drawn to SVG and PNG, without a browser and without system fonts. */
import { createRequire } from "node:module";
import { blockText, replaceFile } from "@phew/runs";
import type { TopLevelSpec } from "vega-lite";
import { measureTexts } from "./textMeasure.ts";

export type ChartSpec = TopLevelSpec;

const FONT = "IBM Plex Sans";
/** The fonts after the first replace it on computers that lack it. */
export const FONT_FAMILY = `${FONT}, Helvetica, Arial, sans-serif`;
export const INK = "#1f2430";
export const FAINT = "#667080";

/** Common style of all figures: white ground, light axes, sizes that stay readable in a paper's column. */
const STYLE = {
  background: "white",
  padding: 16,
  font: FONT_FAMILY,
  title: {
    fontSize: 17,
    fontWeight: 600,
    anchor: "start",
    color: INK,
    offset: 14,
    subtitleFontSize: 12.5,
    subtitleColor: FAINT,
    subtitlePadding: 5,
  },
  axis: {
    labelFontSize: 12,
    titleFontSize: 12.5,
    titleFontWeight: 400,
    labelColor: INK,
    titleColor: FAINT,
    domainColor: "#9aa3af",
    tickColor: "#9aa3af",
    gridColor: "#e7eaee",
    titlePadding: 10,
    labelPadding: 5,
  },
  legend: {
    labelFontSize: 12,
    titleFontSize: 12.5,
    titleFontWeight: 400,
    titleColor: FAINT,
    labelColor: INK,
    symbolBaseFillColor: FAINT,
    symbolStrokeWidth: 2.5,
    symbolSize: 140,
    rowPadding: 5,
    layout: { right: { margin: 20, direction: "vertical" } },
  },
  header: { labelColor: INK },
  view: { stroke: null },
  line: { strokeWidth: 2.25 },
} as const;

/** The chart as SVG text. Its libraries are loaded at the first call. */
export async function chart(spec: ChartSpec): Promise<string> {
  return await draw(spec, STYLE);
}

/** The same for a page, which has the chart's title in words of its own and stands behind it. */
export async function chartInPage({ title: _, ...spec }: ChartSpec): Promise<string> {
  // narrow pages have no room beside a figure
  const legend = { ...STYLE.legend, orient: "bottom", columns: 4, offset: 12 };
  const style = { ...STYLE, legend, background: "transparent", padding: 4, aria: false };
  return await draw(spec as ChartSpec, style);
}

/** The same for a telephone: plots, panels and legends below each other, as narrow as its page, with texts of the same size. */
export async function chartInNarrowPage({ title: _, ...spec }: ChartSpec): Promise<string> {
  const layout = { bottom: { direction: "vertical", anchor: "start", margin: 8 } };
  const legend = { ...STYLE.legend, orient: "bottom", columns: 1, offset: 12, layout };
  const axis = { ...STYLE.axis, labelOverlap: true, labelFontSize: 11 };
  const style = { ...STYLE, axis, legend, background: "transparent", padding: 4, aria: false };
  return await draw(narrowed(spec) as ChartSpec, style);
}

/** With axes and names somewhat wider than the 358 pixels that a page of 390 has: pages shrink it to them. */
const NARROW_WIDTH = 270;

/** Views of a specification in few columns; data and marks as they are. */
function narrowed(spec: object): object {
  const { width, columns, vconcat, spec: inner } = spec as Record<string, unknown>;
  return {
    ...spec,
    ...(typeof width === "number" && { width: Math.min(width, NARROW_WIDTH) }),
    ...(columns !== undefined && { columns: 1 }),
    ...(Array.isArray(vconcat) && { vconcat: vconcat.map(narrowed) }),
    ...(typeof inner === "object" && inner !== null && { spec: narrowed(inner) }),
  };
}

async function draw(spec: ChartSpec, style: object): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  measureTexts(vega);
  const config = { ...style, ...spec.config } as NonNullable<ChartSpec["config"]>;
  const compiled = vegaLite.compile(fitForMarkup({ ...spec, config } as ChartSpec));
  const view = new vega.View(vega.parse(compiled.spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** With names from files as they are seen: XML has no place for control characters, even as numbers. */
function fitForMarkup(spec: ChartSpec): ChartSpec {
  return JSON.parse(JSON.stringify(spec), (_, value) =>
    typeof value === "string" ? blockText(value) : value,
  ) as ChartSpec;
}

/** PNG of an SVG. @param scale pixels of the picture for each unit of the SVG */
export async function svgToPng(svg: string, scale = 2): Promise<Uint8Array> {
  const { Resvg } = await import("@resvg/resvg-js");
  const drawing = new Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    background: "white",
    font: { loadSystemFonts: false, fontFiles: fontFiles(), defaultFontFamily: FONT, sansSerifFamily: FONT },
  });
  return drawing.render().asPng();
}

/** Draws a chart to `<path>.svg` and `<path>.png` and gives these two paths. */
export async function writeChart(path: string, spec: ChartSpec): Promise<string[]> {
  const svg = await chart(spec);
  const png = await svgToPng(svg);
  replaceFile(`${path}.svg`, svg);
  replaceFile(`${path}.png`, png);
  return [`${path}.svg`, `${path}.png`];
}

function fontFiles(): string[] {
  const require = createRequire(import.meta.url);
  return ["400Regular/IBMPlexSans_400Regular.ttf", "600SemiBold/IBMPlexSans_600SemiBold.ttf"].map((file) =>
    require.resolve(`@expo-google-fonts/ibm-plex-sans/${file}`),
  );
}
