/** What a panel shows, before it has borders and a place. */

import { type StyledRow, wrap } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

export interface PanelContent {
  readonly title: string;
  /** What may stand at the right end of the title line, the fullest first; the first that fits is shown. */
  readonly notes?: readonly StyledRow[];
  /** Longer ones are cut, missing ones are blank. */
  readonly rows: readonly StyledRow[];
}

/** A note of one faint text. */
export function faintNote(text: string): StyledRow[] {
  return [[{ text, colour: COLOURS.faint }]];
}

/** A faint sentence where there is nothing to show yet. */
export function notice(text: string, width: number): StyledRow[] {
  return wrap(text, width).map((line) => [{ text: line, colour: COLOURS.faint }]);
}

/** First row shown so that the cursor stays in the middle, or near an end where there is no more to show. */
export function windowStart(cursor: number, count: number, height: number): number {
  return Math.max(0, Math.min(count - height, cursor - Math.floor(height / 2)));
}
