/** An input of a model as its file has it, and examples in the order of the file and of the network. */
import { elementCount, type Shape } from "@phew/core";

export interface ModelInput {
  /** In the file; undefined if it has no name. */
  readonly name: string | undefined;
  /** Of one example, without the batch, as the file has it. */
  readonly shape: Shape;
  /** For each element of the network's own input, row-major, its position in the file's example; absent: the same. */
  readonly places?: readonly number[] | undefined;
}

/**
 * Examples as the network reads them: those of each input in the network's order, one after the other.
 * @param values of each input, `[count, ...shape]` @returns `[count, ...network.inputShape]`
 */
export function networkExamples(
  inputs: readonly ModelInput[],
  values: readonly Float32Array[],
  count: number,
): Float32Array {
  const [first] = inputs as [ModelInput];
  if (inputs.length === 1 && first.places === undefined) return values[0]!;
  const lengths = inputs.map(({ shape }) => elementCount(shape));
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  const examples = new Float32Array(count * whole);
  let start = 0;
  for (const [k, { places }] of inputs.entries()) {
    const length = lengths[k]!;
    for (let n = 0; n < count; n++) {
      const own = values[k]!.subarray(n * length, (n + 1) * length);
      const to = n * whole + start;
      if (places === undefined) examples.set(own, to);
      else for (const [e, place] of places.entries()) examples[to + e] = own[place]!;
    }
    start += length;
  }
  return examples;
}

/** The reverse of {@link networkExamples}: the file's `[count, ...shape]` of each input. */
export function fileExamples(
  inputs: readonly ModelInput[],
  examples: Float32Array,
  count: number,
): readonly Float32Array[] {
  const whole = examples.length / count;
  let start = 0;
  return inputs.map(({ shape, places }) => {
    const length = elementCount(shape);
    const values = new Float32Array(count * length);
    for (let n = 0; n < count; n++) {
      const own = examples.subarray(n * whole + start, n * whole + start + length);
      if (places === undefined) values.set(own, n * length);
      else for (const [e, place] of places.entries()) values[n * length + place] = own[e]!;
    }
    start += length;
    return values;
  });
}
