/** What every command needs of this package, whatever happens to it: loads these few files alone. */
export { describeFailure, type FailureLine } from "./describeFailure.ts";
export { blockText, jsonText, lineText } from "./foreignText.ts";
export { outlivesTerminal } from "./lostTerminal.ts";
