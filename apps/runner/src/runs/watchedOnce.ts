/** `phew watch --once --json`: the states of runs, for programs. */
import { listRuns, readRun } from "@phew/runs";
import { keptRun } from "@phew/runs/list";
import { UsageError } from "../failure.ts";
import { printJson } from "../output/output.ts";
import { namedRuns } from "./chosenRuns.ts";
import { runDocuments } from "./listedRuns.ts";

/**
 * Of a single run its layers and its log too, as the table has them.
 * @param folder the usual one unless given
 * @throws UsageError where runs are to be followed: a document has an end
 * @throws ArgumentError if it is not there
 */
export function printWatched(folder: string | undefined, once: boolean): void {
  if (!once) throw new UsageError("--json", { given: "it without --once", expected: "both together" });
  const root = folder ?? "runs";
  const entries = listRuns(root);
  const documents = runDocuments(namedRuns(entries).map(keptRun));
  const isSingle = entries.length === 1;
  const runs = documents.runs.map((document) => {
    if (!isSingle) return document;
    const { state } = readRun(document.folder);
    return { ...document, layers: state.mask?.layers ?? [], log: state.log };
  });
  printJson({ folder: root, ...documents, runs });
}
