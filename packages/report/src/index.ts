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
export {
  comparisonFigurePaths,
  layerFigure,
  traceFigure,
  widthFigure,
  writeComparisonFigures,
} from "./comparisonFigures.ts";
export { learningCurves, meanWidths, pathKernelTraces, writeFigures } from "./figures.ts";
export { lossCurves } from "./lossCurves.ts";
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
