/** The screen at a given size as lines of text without styles, drawn by Ink as on a terminal. */
import { PassThrough } from "node:stream";
import { render } from "ink";
import { Dashboard } from "../src/dashboard.tsx";
import type { DashboardState } from "../src/dashboardState.ts";

export function frameOf(state: DashboardState, columns: number, rows: number): string[] {
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
  return withoutStyles(frame).split("\n");
}

export function withoutStyles(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: styles begin with one
  return text.replace(/\u001b\[[\d;]*m/g, "");
}
