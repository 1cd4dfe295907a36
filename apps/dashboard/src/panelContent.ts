/** The content of a panel, before it has borders and a position. */

import { type StyledRow, wrap } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

/** What a click chooses at a place of a panel. */
export type PanelChoice =
  | { readonly kind: "runChosen"; readonly folder: string }
  | { readonly kind: "layerChosen"; readonly index: number }
  | { readonly kind: "stepChosen"; readonly step: number };

export interface PanelContent {
  readonly title: string;
  /** Alternatives for the right end of the title line, the longest first; the first that fits is shown. */
  readonly notes?: readonly StyledRow[] | undefined;
  /** Longer ones are cut, missing ones are blank. */
  readonly rows: readonly StyledRow[];
  /** What a click chooses, by row and column of what is inside the borders; absent: nothing. */
  readonly choiceAt?: ((row: number, column: number) => PanelChoice | undefined) | undefined;
}

/** A note of one faint text. */
export function faintNote(text: string): StyledRow[] {
  return [[{ text, colour: COLOURS.faint }]];
}

/** A dim sentence if there is nothing to show yet. */
export function notice(text: string, width: number): StyledRow[] {
  return wrap(text, width).map((line) => [{ text: line, colour: COLOURS.faint }]);
}

/** First row shown so that the cursor is in the middle, or nearer to an end of the list. */
export function windowStart(cursor: number, count: number, height: number): number {
  return Math.max(0, Math.min(count - height, cursor - Math.floor(height / 2)));
}
