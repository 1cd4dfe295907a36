export { type ChartSpec, chart, svgToPng, writeChart } from "./chart.ts";
export {
  type ComparedGroup,
  type ComparedLayer,
  type ComparedMask,
  comparisonTable,
  groupMasks,
  maskRows,
  type Spread,
} from "./comparison.ts";
export { accuracyAgainstWidth } from "./figures/accuracyAgainstWidth.ts";
export { accuracyOverClasses, accuracyOverExamples } from "./figures/accuracyOverCount.ts";
export { accuracyOverDensity } from "./figures/accuracyOverDensity.ts";
export type { FigureRow } from "./figures/figureRow.ts";
export type { Figure } from "./figures/frame.ts";
export { layerWidths } from "./figures/layerWidths.ts";
export { learningBands } from "./figures/learningBands.ts";
export { FIGURES } from "./figures/registry.ts";
export { runFigureRows } from "./figures/runRows.ts";
export { traceAgainstWidth } from "./figures/traceAgainstWidth.ts";
export {
  figurePaths,
  figuresOf,
  type NamedFigure,
  writeFigures,
  writeMaskFigures,
} from "./figures/writeFigures.ts";
export { type ExperimentFindings, experimentsPage } from "./html/experimentsPage.ts";
export { type HtmlReport, htmlReport } from "./html/htmlReport.ts";
export type { UnfinishedRun } from "./html/unfinishedSection.ts";
export { byMethodOrder, methodColours } from "./palette.ts";
export {
  compareRuns,
  formatReport,
  type Report,
  type ReportedRun,
  type ReportOptions,
  writeReport,
} from "./report.ts";
export { type ResultRun, resultsTable } from "./results.ts";
export { settingCells } from "./settingColumns.ts";
export { type Cell, type Column, formatTable, type Row, type TableForm } from "./table.ts";
export {
  type DrawnEdge,
  type DrawnWalk,
  type DrawnWalks,
  walkAnimation,
  walkPairPictures,
} from "./walkPictures.ts";
