/** What terminals show whose locale has no UTF-8: signs of this project as ASCII, one character each. */

/** Signs that frames, tables and messages are drawn with. */
const MARKS: Readonly<Record<string, string>> = {
  ...each("─━", "-"),
  ...each("│┃", "|"),
  ...each("┊", ":"),
  ...each("╭╮╰╯┏┓┗┛└┤┴", "+"),
  ...each("█▉▊▋", "#"),
  ...each("▁▂", "_"),
  ...each("▃▄", "-"),
  ...each("▅▆", "="),
  ...each("▇", "*"),
  ...each("▓", "%"),
  ...each("▒▌▍▐", "="),
  ...each("░▎▏·", "."),
  ...each("▸→", ">"),
  ...each("←", "<"),
  ...each("↑", "^"),
  ...each("↓", "v"),
  ...each("●", "*"),
  ...each("✓", "+"),
  ...each("✗×", "x"),
  ...each("■", "!"),
  ...each("–−", "-"),
  ...each("…", "~"),
  ...each("±", "+"),
  ...each("÷", "/"),
  ...each("“”", '"'),
};
const ANY_MARK = new RegExp(`[${Object.keys(MARKS).join("")}]`, "gu");

/**
 * Whether the locale of an environment is one of UTF-8. One that names no locale at all is taken for such, as containers
 * and remote shells have it, whose terminals have had UTF-8 for long; `C` and `POSIX` are names.
 * @see POSIX.1-2017, 8.2: the first of the three that is set and not empty goes
 */
export function isUtf8Locale(environment: Readonly<Record<string, string | undefined>>): boolean {
  const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG;
  return !locale || /utf-?8/i.test(locale);
}

/** The ASCII of a sign; undefined for other characters. */
export function asciiMark(character: string): string | undefined {
  return MARKS[character];
}

/** The text with signs in ASCII, of the same width; names of files and the like keep their letters. */
export function asciiMarks(text: string): string {
  return text.replace(ANY_MARK, (mark) => MARKS[mark]!);
}

function each(characters: string, ascii: string): Record<string, string> {
  return Object.fromEntries([...characters].map((character) => [character, ascii]));
}
