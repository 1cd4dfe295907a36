/** The part of this package that every command needs: loads only these few files. */
export { asciiMark, asciiMarks, isUtf8Locale } from "./asciiMarks.ts";
export { describeFailure, type FailureLine } from "./describeFailure.ts";
export { blockText, jsonText, lineText } from "./foreignText.ts";
export { closeLostTerminals } from "./lostTerminal.ts";
