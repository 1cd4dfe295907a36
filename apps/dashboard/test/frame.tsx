/** The screen at a given size as lines of text without styles: as the terminal gets it, and as Ink draws it. */
import { PassThrough } from "node:stream";
import { render } from "ink";
import { Dashboard } from "../src/dashboard.tsx";
import type { DashboardState } from "../src/dashboardState.ts";
import { frameRows } from "../src/frame.ts";
import { paintedFrame } from "../src/paintedFrame.ts";

export function frameOf(state: DashboardState, columns: number, rows: number): string[] {
  return paintedFrame(frameRows(state, columns, rows), false)
    .split("\n")
    .map((line) => line.trimEnd());
}

export function inkFrameOf(state: DashboardState, columns: number, rows: number): string[] {
  const frames: string[] = [];
  const stdout = Object.assign(new PassThrough(), {
    columns,
    rows,
    write: (text: string) => {
      frames.push(text);
      return true;
    },
  });
  const ink = render(<Dashboard state={state} columns={columns} rows={rows} />, {
    stdout: stdout as unknown as NodeJS.WriteStream,
    debug: true,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  const frame = frames.at(-1) ?? "";
  ink.unmount();
  return withoutStyles(frame)
    .split("\n")
    .map((line) => line.trimEnd());
}

export function withoutStyles(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: styles begin with one
  return text.replace(/\u001b\[[\d;]*m/g, "");
}
