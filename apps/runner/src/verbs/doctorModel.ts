/** `phew doctor MODEL`: which levels a model reaches, and every node that stands in the way of the next one. */
import { examplesOf, isLoose, operationLabel, type Pruner, pruners } from "@phew/core";
import {
  doubtfulNames,
  type ExportableModel,
  UnsupportedModelError,
  type UnsupportedNode,
  UnsupportedOperationsError,
} from "@phew/formats";
import { formatTable } from "@phew/report/table";
import { counted, formatCount } from "@phew/runs";
import { printJson, printLines, printText } from "../output/output.ts";
import { loadModel, type ModelOptions } from "../sources/model.ts";

/** A node that stands in the way, and why. */
type Obstacle = Pick<UnsupportedNode, "node" | "operation" | "reason">;

interface Level {
  readonly level: "weights" | "units" | "computed";
  readonly reached: boolean;
  /** What it is enough for. */
  readonly for: string;
  readonly detail: string;
  readonly nodes: readonly Obstacle[];
  /** Names of nodes behind these, of which nothing can be said. */
  readonly behind?: readonly string[];
}

interface DoctorOptions extends Pick<ModelOptions, "architecture" | "input" | "output"> {
  readonly json?: boolean;
}

export async function doctorModel(model: string, options: DoctorOptions): Promise<void> {
  const found = await foundIn(model, options);
  const levels = levelsOf(found);
  const doubtful = doubtfulNames(found.source);
  if (options.json) return printJson({ model, levels, doubtfulNames: Object.fromEntries(doubtful) });
  const columns = [
    { key: "level", title: "level" },
    { key: "reached", title: "reached" },
    { key: "for", title: "for" },
    { key: "detail", title: "" },
  ];
  const rows = levels.map(({ nodes: _, behind: __, ...level }) => ({
    ...level,
    reached: level.reached ? "yes" : "no",
  }));
  printText(formatTable(columns, rows, "text"));
  if (doubtful.size > 0) {
    printLines("", "Weights that the state dict may name otherwise:");
    printLines(...Array.from(doubtful, ([name, reason]) => `  ${name}: ${reason}`));
  }
  for (const { level, nodes, behind = [] } of levels) {
    if (nodes.length === 0) continue;
    printLines("", `${counted(nodes.length, "node")} in the way of ${level}:`);
    printLines(...nodes.map(({ node, operation, reason }) => `  ${operation} (${node}): ${reason}`));
    if (behind.length > 0) printLines(`Behind these, not judged: ${behind.join(", ")}`);
  }
}

const namesOf = (isOfLevel: (pruner: Pruner) => boolean): string =>
  [...pruners.values()]
    .filter(isOfLevel)
    .map(({ name }) => name)
    .join(", ");

const USES = {
  weights: `${namesOf(({ weightsAlone }) => weightsAlone === true)}; masks; zeroed`,
  units: `${namesOf((pruner) => !pruner.weightsAlone && examplesOf(pruner, {}) === 0)}; analyze; compact`,
  computed: `predict, ${namesOf((pruner) => examplesOf(pruner, {}) > 0)}, train`,
};

function levelsOf(found: Found): Level[] {
  const { network } = found.source;
  const isKnown = !isLoose(network);
  const weights = `${formatCount(network.prunableCount)} weights in ${counted(network.prunable.length, "tensor")}`;
  const behind = { reached: false, nodes: [] };
  const opaque = network.nodes.flatMap(({ name, op }) =>
    op.kind === "opaque"
      ? [{ node: name, operation: operationLabel(op), reason: "units pass it, and it is not computed" }]
      : [],
  );
  return [
    { level: "weights", reached: true, for: USES.weights, detail: weights, nodes: [] },
    isKnown
      ? {
          level: "units",
          reached: true,
          for: USES.units,
          detail: counted(network.nodes.length, "operation"),
          nodes: [],
        }
      : { level: "units", reached: false, for: USES.units, ...obstaclesOf(found.reason) },
    isKnown
      ? {
          level: "computed",
          reached: opaque.length === 0,
          for: USES.computed,
          detail:
            opaque.length === 0 ? `${network.inputShape.join("×")} to ${network.outputShape.join("×")}` : "",
          nodes: opaque,
        }
      : { level: "computed", for: USES.computed, detail: "needs units first", ...behind },
  ];
}

interface Found {
  readonly source: ExportableModel;
  readonly reason?: UnsupportedModelError;
}

/** The model at the highest level that it reaches, and why not at the next. */
async function foundIn(model: string, options: DoctorOptions): Promise<Found> {
  try {
    const { source } = await loadModel(model, options);
    return { source };
  } catch (error) {
    if (!(error instanceof UnsupportedModelError)) throw error;
    const { source } = await loadModel(model, { ...options, weightsAlone: { embeddings: false } });
    return { source, reason: error };
  }
}

function obstaclesOf(reason: UnsupportedModelError | undefined): Pick<Level, "detail" | "nodes" | "behind"> {
  if (reason === undefined) return { detail: "", nodes: [] };
  if (!(reason instanceof UnsupportedOperationsError))
    return {
      detail: `${reason.inWords}; ${reason.fault.remedy ?? `expected ${reason.fault.expected}`}`,
      nodes: [],
    };
  const { nodes, unjudged } = reason;
  const hidden = unjudged.length === 0 ? "" : `, ${counted(unjudged.length, "node")} behind them not judged`;
  return {
    detail: `${counted(nodes.length, "node")} in the way${hidden}`,
    nodes: nodes.map(({ node, operation, reason }) => ({ node, operation, reason })),
    behind: unjudged.map(({ node }) => node),
  };
}
