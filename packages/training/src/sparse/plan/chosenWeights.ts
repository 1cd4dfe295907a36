/**
 * Weights of a layer by which a gradient is wanted, as the kernels of the backward pass read them: by input unit, class
 * and tap, then in the order in which they are given. They may be kept or not, and be given twice.
 */
import type { ClassShape } from "../model/kernelTaps.ts";
import type { Geometry } from "./geometry.ts";
import type { SparseLayer } from "./sparseLayer.ts";

export class ChosenWeights {
  /** Of each entry: which of the given weights it is. */
  readonly order: Uint32Array;
  readonly #layer: SparseLayer;
  /** Of each entry: output unit and tap. */
  readonly #unit: Uint32Array;
  readonly #tap: Uint16Array;
  /** Where those of each input unit and tap by class start. */
  readonly #starts: Uint32Array;

  /**
   * @param layer of a plan that stores all units
   * @param given indices into the parameter; absent: all of it
   */
  constructor(layer: SparseLayer, given: Uint32Array | undefined) {
    const { placeByClass } = layer.taps;
    const { op, parameter, inUnits } = layer.weights;
    const [outCount, inPerGroup] = parameter.shape as [number, number];
    const taps = placeByClass.length;
    const outPerGroup = "groups" in op ? outCount / op.groups : outCount;
    const { outputs, places } = placesOf(given, outCount, inPerGroup * taps);
    const count = outputs.length;
    // by place in the row of an output unit
    const rowOf = Uint32Array.from({ length: inPerGroup * taps }, (_, place) => {
      const tap = place % taps;
      return place - tap + placeByClass[tap]!;
    });
    const rows = new Uint32Array(count);
    const starts = new Uint32Array(inUnits * taps + 1);
    for (let k = 0; k < count; k++) {
      const firstRow = Math.floor(outputs[k]! / outPerGroup) * inPerGroup * taps;
      rows[k] = firstRow + rowOf[places[k]!]!;
      starts[rows[k]! + 1]!++;
    }
    for (let row = 0; row < inUnits * taps; row++) starts[row + 1]! += starts[row]!;
    this.order = new Uint32Array(count);
    this.#layer = layer;
    this.#unit = new Uint32Array(count);
    this.#tap = new Uint16Array(count);
    this.#starts = starts;
    const next = starts.slice();
    for (let k = 0; k < count; k++) {
      const e = next[rows[k]!]!++;
      this.order[e] = k;
      this.#unit[e] = outputs[k]!;
      this.#tap[e] = places[k]! % taps;
    }
  }

  /** {u32 bytes into the gradient of the output, 0} of each. */
  offsets(gradient: Geometry): Uint32Array {
    const tapBytes = this.#layer.outTapBytes(gradient);
    const entries = new Uint32Array(2 * this.order.length);
    for (let e = 0; e < this.order.length; e++)
      entries[2 * e] = this.#unit[e]! * gradient.unitBytes + tapBytes[this.#tap[e]!]!;
    return entries;
  }

  /**
   * Where those of an input unit are: placeClass records for a convolution along rows, and for a dense layer at places,
   * which is one; else where those of each tap start.
   */
  places(input: Geometry): Uint32Array {
    const { kind } = this.#layer.weights.op;
    const [{ rows, columns }] = this.#layer.taps.classShapes as [ClassShape];
    const isAlongRows = kind === "conv2d" || (kind === "dense" && rows * columns > 1);
    if (!isAlongRows) return this.#starts;
    return this.#layer.classRecords(input, input, this.#layer.classesOf(this.#starts));
  }
}

/** Of each weight its output unit, and its place among the weights of that. @param given absent: all */
function placesOf(given: Uint32Array | undefined, outCount: number, rowLength: number) {
  const count = given?.length ?? outCount * rowLength;
  const outputs = new Uint32Array(count);
  const places = new Uint32Array(count);
  if (given === undefined) {
    for (let k = 0, output = 0; output < outCount; output++) {
      for (let place = 0; place < rowLength; place++) {
        outputs[k] = output;
        places[k++] = place;
      }
    }
  } else {
    for (let k = 0; k < count; k++) {
      outputs[k] = Math.floor(given[k]! / rowLength);
      places[k] = given[k]! - outputs[k]! * rowLength;
    }
  }
  return { outputs, places };
}
