/** `phew zoo`: what networks there are, and the layers of one. */
import { elementCount, type Shape, zooEntries, zooModel } from "@phew/core";
import { textTable } from "@phew/runs";
import { count, printJson, printLines } from "../output.ts";

interface ZooVerbOptions {
  readonly classes?: number;
  readonly input?: Shape;
  readonly json?: boolean;
}

export async function zoo(model: string | undefined, options: ZooVerbOptions): Promise<void> {
  if (model === undefined) return listModels(options.json === true);
  const network = zooModel(model, {
    ...(options.classes === undefined ? {} : { classCount: options.classes }),
    ...(options.input === undefined ? {} : { inputShape: options.input }),
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
      nodes: network.nodes.map(({ name, op, inputs, shape }) => ({ name, op, inputs: inputs.map((k) => network.nodes[k]!.name), shape })),
    });
    return;
  }
  const owner = new Map(network.prunable.map((parameter) => [parameter.node, parameter]));
  const rows = network.nodes.map((node, index) => ({
    layer: node.name,
    operation: node.op.kind === "activation" ? node.op.name : node.op.kind,
    reads: node.inputs.map((k) => network.nodes[k]!.name).join(", "),
    output: node.shape.join("×"),
    weights: owner.has(index) ? `${owner.get(index)!.shape.join("×")} = ${count(owner.get(index)!.length)}` : "",
  }));
  printLines(textTable(rows));
  printLines(`${count(network.prunableCount)} prunable weights of ${count(parameterCount)} parameters`);
}

function listModels(json: boolean): void {
  const rows = zooEntries.map(({ name, summary, inputShape, classCount, prunableCount, heads }) => ({ name, summary, inputShape, classCount, prunableCount, heads }));
  if (json) return printJson(rows);
  printLines(
    textTable(
      rows.map((row) => ({
        model: row.name,
        input: row.inputShape.join("×"),
        classes: `${row.classCount}`,
        "prunable weights": count(row.prunableCount),
        "other heads": row.heads.slice(1).map((head) => head.dataSet).join(", "),
        "": row.summary,
      })),
    ),
  );
}
