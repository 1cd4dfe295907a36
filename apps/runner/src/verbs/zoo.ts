/** `phew zoo`: what networks there are, and the layers of one. */
import { elementCount, operationLabel, type Shape, zooEntries, zooModel } from "@phew/core";
import { formatTable } from "@phew/report/table";
import { counted, formatCount } from "@phew/runs";
import { printJson, printLines, printText } from "../output/output.ts";

interface ZooVerbOptions {
  readonly classes?: number;
  readonly input?: Shape;
  readonly json?: boolean;
}

export async function zoo(model: string | undefined, options: ZooVerbOptions): Promise<void> {
  if (model === undefined) return listModels(options.json === true);
  const network = zooModel(model, {
    classCount: options.classes,
    inputShape: options.input,
  });
  const parameterCount = network.parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  if (options.json) {
    printJson({
      name: network.name,
      inputShape: network.inputShape,
      outputShape: network.outputShape,
      prunableCount: network.prunableCount,
      parameterCount,
      parameters: network.parameters,
      nodes: network.nodes.map(({ name, op, inputs, shape }) => ({
        name,
        op,
        inputs: inputs.map((k) => network.nodes[k]!.name),
        shape,
      })),
    });
    return;
  }
  const owner = new Map(network.prunable.map((parameter) => [parameter.node, parameter]));
  const rows = network.nodes.map((node, index) => ({
    layer: node.name,
    operation: operationLabel(node.op),
    reads: node.inputs.map((k) => network.nodes[k]!.name).join(", "),
    output: node.shape.join("×"),
    weight: owner.get(index)?.shape.join("×"),
    count: owner.get(index)?.length,
  }));
  const columns = [
    { key: "layer", title: "layer" },
    { key: "operation", title: "operation" },
    { key: "reads", title: "reads" },
    { key: "output", title: "output" },
    { key: "weight", title: "weight" },
    { key: "count", title: "prunable weights", format: formatCount },
  ];
  printText(formatTable(columns, rows, "text"));
  printLines(
    `${formatCount(network.prunableCount)} prunable weights of ${counted(parameterCount, "parameter")}`,
  );
}

function listModels(json: boolean): void {
  const rows = zooEntries.map(({ name, summary, inputShape, classCount, prunableCount, heads }) => ({
    name,
    summary,
    inputShape,
    classCount,
    prunableCount,
    heads,
  }));
  if (json) {
    printJson(rows);
    return;
  }
  const columns = [
    { key: "name", title: "model" },
    { key: "input", title: "input" },
    { key: "classCount", title: "classes" },
    { key: "prunableCount", title: "prunable weights", format: formatCount },
    { key: "heads", title: "also for" },
    { key: "summary", title: "" },
  ];
  const shown = rows.map((row) => ({
    name: row.name,
    summary: row.summary,
    classCount: row.classCount,
    prunableCount: row.prunableCount,
    input: row.inputShape.join("×"),
    heads: row.heads
      .slice(1)
      .map((head) => head.dataSet)
      .join(", "),
  }));
  printText(formatTable(columns, shown, "text"));
}
