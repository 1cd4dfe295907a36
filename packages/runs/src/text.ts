/** The part of this package that every command needs: loads only these few files. */
export { describeFailure, type FailureLine } from "./describeFailure.ts";
export { blockText, jsonText, lineText } from "./foreignText.ts";
export { closeLostTerminals } from "./lostTerminal.ts";
