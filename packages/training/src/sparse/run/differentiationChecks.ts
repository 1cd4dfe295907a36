/** Checks of a differentiator's request. */
import { ArgumentError, counted, type DifferentiationRequest, elementCount, type Weights } from "@phew/core";
import { checkBatch, checkNetwork } from "../../checks.ts";

/** @throws ArgumentError if the network, a weight, a batch or an option is not usable */
export function checkRequest(request: DifferentiationRequest): void {
  const { network, weights, batches, temperature = 1, statistics } = request;
  checkNetwork(request);
  for (const { name } of network.parameters) requireFinite(`weights of "${name}"`, weights.get(name)!);
  if (!(temperature > 0 && Number.isFinite(temperature)))
    throw new ArgumentError("temperature", { given: `${temperature}`, expected: "a number above 0" });
  if (statistics !== "running" && statistics !== "batch") {
    throw new ArgumentError("statistics", {
      given: typeof statistics === "string" ? JSON.stringify(statistics) : `${statistics}`,
      expected: '"running" or "batch"',
    });
  }
  if (batches.length === 0)
    throw new ArgumentError("batches", { given: "none", expected: "at least one batch of examples" });
  for (const batch of batches) {
    checkBatch(network, batch, Math.max(1, Math.floor(batch.count) || 1));
    requireFinite("batch", batch.x);
    if (statistics === "batch") requireSeveralValues(request, batch.count);
  }
}

/**
 * @throws ArgumentError if a direction names no trained parameter, or has another length or values that are not
 * finite
 */
export function checkDirection({ network }: DifferentiationRequest, direction: Weights): void {
  for (const [name, values] of direction) {
    const parameter = network.parameters.find((candidate) => candidate.name === name);
    if (!parameter?.trained) {
      throw new ArgumentError(`direction "${name}"`, {
        given: parameter === undefined ? "no parameter of the network" : "a running statistic",
        expected: "the name of a trained parameter",
      });
    }
    if (values.length !== elementCount(parameter.shape)) {
      throw new ArgumentError(`direction "${name}"`, {
        given: counted(values.length, "value"),
        expected: `${elementCount(parameter.shape)} (${parameter.shape.join(" × ")})`,
      });
    }
    requireFinite(`direction "${name}"`, values);
  }
}

function requireFinite(subject: string, values: Float32Array): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw new ArgumentError(subject, { given: `${values[index]} at ${index}`, expected: "finite numbers" });
}

/** The variance of a single value is 0 for all weights: there is no derivative. */
function requireSeveralValues({ network }: DifferentiationRequest, count: number): void {
  for (const { name, parameters, shape } of network.nodes) {
    // running statistics follow those of batches
    if (parameters.every(({ trained }) => trained) || count * elementCount(shape.slice(1)) > 1) continue;
    throw new ArgumentError(`layer "${name}"`, {
      given: "a batch with a single value for each unit",
      expected: "several, to take batch statistics of",
      remedy: "Pass larger batches, or differentiate with running statistics.",
    });
  }
}
