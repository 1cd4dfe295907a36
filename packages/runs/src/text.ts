/** What there is to be said in a terminal whatever has happened: of all of this package, loads these few files alone. */
export { describeFailure, type FailureLine } from "./describeFailure.ts";
export { blockText, jsonText, lineText } from "./foreignText.ts";
