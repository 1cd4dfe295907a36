/** Saves a frame in files, and copies an id or a path to the clipboard. Each returns a message about the result. */
import path from "node:path";
import { describeFailure } from "@phew/runs";
import { saveFrame } from "./savedFrame.ts";
import type { StyledRow } from "./styledText.ts";
import type { FullScreen } from "./terminal.ts";
import type { ThemeName } from "./themes.ts";

/** Puts the frame into files of the present folder. */
export function savedAs(frame: readonly StyledRow[], theme: ThemeName): string {
  const moment = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  try {
    return `saved as ${saveFrame(frame, `phew-screen-${moment}`, theme).join(" and ")}`;
  } catch (error) {
    return `not saved: ${describeFailure(error).message}`;
  }
}

/** Sends the id of a run, or the path of its folder, to the clipboard. */
export function copied(screen: FullScreen, folder: string | undefined, what: "id" | "path"): string {
  if (folder === undefined) return "no run is chosen";
  const whole = path.resolve(folder);
  const text = what === "id" ? path.basename(whole) : whole;
  screen.copy(text);
  return `copied, if the terminal lets programs copy (OSC 52): ${text}`;
}
