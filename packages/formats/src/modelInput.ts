/** An input of a model as its file has it, and examples in the order of the file and of the network. */
import { ArgumentError, elementCount, type Shape } from "@phew/core";

export interface ModelInput {
  /** In the file; undefined if it has no name. */
  readonly name: string | undefined;
  /** Of one example, without the batch, as the file has it. */
  readonly shape: Shape;
  /** For each element of the network's own input, row-major, its position in the file's example; absent: the same. */
  readonly places?: readonly number[] | undefined;
  /** Set where the file's input are rows of an embedding's table; `places` are then those in `[...shape, width]`. */
  readonly table?: EmbeddingTable | undefined;
}

export interface EmbeddingTable {
  readonly name: string;
  readonly rows: number;
  readonly width: number;
  /** Row-major. */
  readonly values: Float32Array;
}

/** Of one example, rows of tables looked up. */
const featureShape = ({ shape, table }: ModelInput): Shape =>
  table === undefined ? shape : [...shape, table.width];

/** @throws ArgumentError for a number that is no row */
function features({ name, table }: ModelInput, ids: Float32Array): Float32Array {
  if (table === undefined) return ids;
  const { rows, width, values } = table;
  const found = new Float32Array(ids.length * width);
  for (const [k, id] of ids.entries()) {
    if (!Number.isInteger(id) || id < -rows || id >= rows)
      throw new ArgumentError(`input "${name}", element ${k}`, {
        given: `${id}`,
        expected: `a whole number from 0 to ${rows - 1}, a row of "${table.name}"`,
      });
    const row = id < 0 ? id + rows : id;
    found.set(values.subarray(row * width, (row + 1) * width), k * width);
  }
  return found;
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
  if (inputs.length === 1 && first.places === undefined) return features(first, values[0]!);
  const lengths = inputs.map((input) => elementCount(featureShape(input)));
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  const examples = new Float32Array(count * whole);
  let start = 0;
  for (const [k, { places }] of inputs.entries()) {
    const length = lengths[k]!;
    const given = features(inputs[k]!, values[k]!);
    for (let n = 0; n < count; n++) {
      const own = given.subarray(n * length, (n + 1) * length);
      const to = n * whole + start;
      if (places === undefined) examples.set(own, to);
      else for (const [e, place] of places.entries()) examples[to + e] = own[place]!;
    }
    start += length;
  }
  return examples;
}

/**
 * The reverse of {@link networkExamples}: the file's `[count, ...shape]` of each input.
 * @throws ArgumentError for an embedding, of which rows are known and no numbers
 */
export function fileExamples(
  inputs: readonly ModelInput[],
  examples: Float32Array,
  count: number,
): readonly Float32Array[] {
  const whole = examples.length / count;
  let start = 0;
  return inputs.map(({ name, shape, places, table }) => {
    if (table !== undefined)
      throw new ArgumentError(`input "${name}"`, {
        given: `rows of "${table.name}"`,
        expected: "an input of numbers, to give them to another program",
        remedy: "Give a file of expected outputs.",
      });
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
