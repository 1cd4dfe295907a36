/** Help in the width of the terminal: no line is longer, down to 40 columns, but command lines to be copied. */
import { type Command, Help } from "commander";

/** Commander's, where it does not know the terminal. */
const USUAL_WIDTH = 80;
/** Descriptions in fewer columns stand below their terms. */
const LEAST_BESIDE = 36;
const INDENT = 2;
const BELOW = 6;
const NARROWEST = 10;
/** Of examples: commands and files. */
const COPIED = /^ +(phew |\{|\}|"|eval |source )/;

/** Sets the form of the help of one command. */
export function wrapHelp(command: Command): void {
  // so that they are made at each call, for the width at that time
  command.createHelp = () => Object.assign(new HelpText(), command.configureHelp());
  command.configureOutput({ writeOut: (text) => void process.stdout.write(wrappedProse(text)) });
}

class HelpText extends Help {
  // ours wraps at any width
  override minWidthToWrap = NARROWEST;

  /** Without "[options]", which all have. */
  override subcommandTerm(command: Command): string {
    return super.subcommandTerm(command).replace(" [options]", "");
  }

  override formatItem(term: string, termWidth: number, description: string, helper: Help): string {
    const width = this.helpWidth ?? USUAL_WIDTH;
    if (description === "" || width - termWidth - 2 * INDENT >= LEAST_BESIDE)
      return super.formatItem(term, termWidth, description, helper);
    const wrapped = this.boxWrap(description, Math.max(NARROWEST, width - BELOW));
    return `${" ".repeat(INDENT)}${term}\n${indented(wrapped)}`;
  }
}

const indented = (text: string) => text.replace(/^/gm, " ".repeat(BELOW));

/** Lines to be copied, and what is wrapped already, stay as they are. */
export function wrappedProse(text: string, columns = process.stdout.columns ?? USUAL_WIDTH): string {
  const width = Math.max(NARROWEST, columns);
  return text
    .replace(/(?<=^\S.*[^:\n])\n(?=\S)/gm, " ")
    .split("\n")
    .map((line) => (line.length <= width || COPIED.test(line) ? line : hanging(line, width)))
    .join("\n");
}

/** In lines below the last column of the first: of a sentence the margin. */
function hanging(line: string, width: number): string {
  const [before = ""] = /^.*\s{2,}(?=\S)/.exec(line) ?? [];
  const isBeside = before === "" || width - before.length >= LEAST_BESIDE;
  const place = isBeside ? before.length : BELOW;
  const wrapped = new HelpText().boxWrap(line.slice(before.length), width - place);
  const below = wrapped.replaceAll("\n", `\n${" ".repeat(place)}`);
  return isBeside ? before + below : `${before.trimEnd()}\n${" ".repeat(place)}${below}`;
}
