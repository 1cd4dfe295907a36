/**
 * Draws the screen: switches to the terminal's alternate buffer, paints frames line by line, and restores everything
 * at the end.
 */

const ESC = "\u001b[";
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}?7l${ESC}2J${ESC}H`;
// presses and the wheel (1000), with decimal numbers (1006)
const MOUSE_ON = `${ESC}?1000h${ESC}?1006h`;
const MOUSE_OFF = `${ESC}?1006l${ESC}?1000l`;
// erased first: if the window has grown, tmux 3.3 would leave old content on it
const LEAVE = `${ESC}2J${ESC}?7h${ESC}?25h${ESC}0m${ESC}?1049l`;
// DEC mode 2026: the terminal shows the frame when it is whole
const FRAME_START = `${ESC}?2026h`;
const FRAME_END = `${ESC}?2026l`;

/** The functions of a terminal's output that the screen uses. */
export interface TerminalOutput {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** Shows frames on the alternate screen, writing only the lines that changed. */
export class FullScreen {
  readonly #output: TerminalOutput;
  #shown: readonly string[] = [];
  #isErased = true;
  #isOpen = false;
  #hasMouse = false;

  constructor(output: TerminalOutput) {
    this.#output = output;
  }

  get columns(): number {
    return this.#output.columns || 80;
  }

  get rows(): number {
    return this.#output.rows || 24;
  }

  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#output.write(this.#hasMouse ? ENTER + MOUSE_ON : ENTER);
  }

  /** Whether the terminal tells of its mouse while the screen is open: then it selects no text, but with Shift. */
  set mouse(isWanted: boolean) {
    if (isWanted === this.#hasMouse) return;
    this.#hasMouse = isWanted;
    if (this.#isOpen) this.#output.write(isWanted ? MOUSE_ON : MOUSE_OFF);
  }

  /** Puts a text on the clipboard, where the terminal lets programs do so: it does not tell. */
  copy(text: string): void {
    if (this.#isOpen) this.#output.write(`\u001b]52;c;${Buffer.from(text).toString("base64")}\u0007`);
  }

  /** Gives the terminal back as it was; later frames go nowhere. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#shown = [];
    this.#isErased = true;
    this.#output.write(this.#hasMouse ? MOUSE_OFF + LEAVE : LEAVE);
  }

  /** Everything is written again with the next frame: after a resize nothing on the screen can be relied on. */
  forget(): void {
    this.#shown = [];
    this.#isErased = false;
  }

  /** Shows a frame; lines beyond the last row are left out, so that nothing scrolls. */
  paint(frame: string): void {
    if (!this.#isOpen) return;
    const lines = frame.split("\n").slice(0, this.rows);
    let text = this.#isErased ? "" : `${ESC}2J`;
    this.#isErased = true;
    for (let k = 0; k < Math.max(lines.length, this.#shown.length); k++) {
      const line = lines[k] ?? "";
      if (line === this.#shown[k]) continue;
      // erased first: after a full line the cursor is on its last character
      text += `${ESC}${k + 1};1H${ESC}K${line}${ESC}0m`;
    }
    this.#shown = lines;
    if (text !== "") this.#output.write(FRAME_START + text + FRAME_END);
  }
}
