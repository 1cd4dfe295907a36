/** Figures as files, each as SVG and PNG. */
import { normalize } from "node:path";
import { type ConfiguredRun, configurationsOf } from "@phew/runs/configurations";
import { type ChartSpec, writeChart } from "../chart.ts";
import type { ComparedMask } from "../comparison.ts";
import type { ReportedRun } from "../report.ts";
import { type FigureRow, maskFigureRow } from "./figureRow.ts";
import { FIGURES } from "./registry.ts";
import { runFigureRows } from "./runRows.ts";

export interface NamedFigure {
  /** Of its files, and in `FIGURES`. */
  readonly name: string;
  readonly spec: ChartSpec;
}

/** Those that show something. @param shared see {@link Figure} */
export function figuresOf(rows: readonly FigureRow[], shared = ""): NamedFigure[] {
  return Object.entries(FIGURES).flatMap(([name, figure]) => {
    const spec = figure(rows, shared);
    return spec === undefined ? [] : [{ name, spec }];
  });
}

/** @param among as of {@link configurationsOf} @returns the paths written */
export async function writeFigures(
  folder: string,
  runs: readonly ReportedRun[],
  among: readonly ConfiguredRun[] = [],
): Promise<string[]> {
  return await write(folder, figuresOf(runFigureRows(runs, among), configurationsOf(runs, { among }).shared));
}

/** @param masks of one model @returns the paths written */
export async function writeMaskFigures(
  folder: string,
  model: string,
  masks: readonly ComparedMask[],
): Promise<string[]> {
  return await write(folder, figuresOf(masks.map(maskFigureRow), model));
}

/** Of all figures that there could be in a folder. */
export function figurePaths(folder: string): string[] {
  return Object.keys(FIGURES).flatMap((name) =>
    [`${folder}/${name}.svg`, `${folder}/${name}.png`].map(normalize),
  );
}

async function write(folder: string, figures: readonly NamedFigure[]): Promise<string[]> {
  const written: string[] = [];
  // not joined before: the folder may be as its owner writes to it
  for (const { name, spec } of figures) written.push(...(await writeChart(`${folder}/${name}`, spec)));
  return written.map(normalize);
}
