/** The density of every layer as a bar, the density asked for as a line through all of them. */
import { formatPercent, formatShortCount, type RunState } from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { faintNote, notice, type PanelContent, windowStart } from "./panelContent.ts";
import { fit, type StyledRow, textWidth } from "./styledText.ts";
import { bar, COLOURS } from "./theme.ts";

export function layersContent(
  state: DashboardState,
  run: RunState,
  width: number,
  height: number,
): PanelContent {
  const { mask } = run;
  if (!mask) {
    const text =
      run.phase === "pruning" ? "Densities appear when the mask is done." : "No mask: every weight is kept.";
    return {
      title: "Layers",
      rows: notice(text, width),
    };
  }
  const { layers, requestedDensity } = mask;
  const scale = densityScale(
    layers.map((layer) => layer.keptCount / layer.count),
    requestedDensity,
    state.logScale,
  );
  const nameWidth = Math.min(
    Math.max(8, ...layers.map((layer) => textWidth(layerName(layer.name)))),
    Math.floor(width * 0.34),
  );
  const countWidth = width - nameWidth >= 46 ? 14 : 0;
  const widthWidth = width - nameWidth >= 30 ? 7 : 0;
  const barWidth = Math.max(4, width - 2 - nameWidth - 8 - countWidth - widthWidth);
  const target = Math.min(barWidth - 1, Math.round(scale(requestedDensity) * barWidth));
  const heading: StyledRow = [
    {
      text: `  ${fit("layer", nameWidth)} ${fit("density", barWidth)}${fit("", 7)}${countWidth ? fit("kept", countWidth, "right") : ""}${widthWidth ? fit("width", widthWidth, "right") : ""}`,
      colour: COLOURS.faint,
    },
  ];
  const room = height - 1;
  const start = windowStart(state.layerCursor, layers.length, room);
  const rows = layers.slice(start, start + room).map((layer, k): StyledRow => {
    const density = layer.keptCount / layer.count;
    const isCursor = state.focus === "layers" && start + k === state.layerCursor;
    const drawn = [...bar(scale(density), barWidth, "·")];
    return [
      { text: isCursor ? "▸ " : "  ", colour: COLOURS.accent, bold: true },
      {
        text: `${fit(layerName(layer.name), nameWidth)} `,
        ...(isCursor ? { bold: true, colour: COLOURS.accent } : {}),
      },
      { text: drawn.slice(0, target).join(""), colour: COLOURS.bar },
      { text: "┃", colour: COLOURS.target },
      { text: drawn.slice(target + 1).join(""), colour: COLOURS.bar },
      { text: fit(formatPercent(density), 7, "right") },
      ...(countWidth
        ? [
            {
              text: fit(
                `${formatShortCount(layer.keptCount)}/${formatShortCount(layer.count)}`,
                countWidth,
                "right",
              ),
              colour: COLOURS.faint,
            },
          ]
        : []),
      ...(widthWidth ? [{ text: fit(formatPercent(layer.width, 2), widthWidth, "right") }] : []),
    ];
  });
  const log = state.logScale ? ", log" : "";
  return {
    title: "Layers",
    notes: faintNote(
      `${start + 1}–${Math.min(layers.length, start + room)}/${layers.length}  ┃ ${formatPercent(requestedDensity)} asked${log}`,
    ),
    rows: [heading, ...rows],
  };
}

/** `.weight` is the end of every name and says nothing. */
function layerName(name: string): string {
  return name.replace(/\.weight$/, "");
}

/** Place of a density on a bar, 0 … 1. */
function densityScale(
  densities: readonly number[],
  asked: number,
  logScale: boolean,
): (density: number) => number {
  const most = Math.max(asked, ...densities);
  if (!logScale) return (density) => density / most;
  const least = Math.min(asked, ...densities.filter((density) => density > 0)) / 2;
  return (density) => (density > 0 ? Math.log(density / least) / Math.log(most / least) : 0);
}
