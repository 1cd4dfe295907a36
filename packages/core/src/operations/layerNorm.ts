/**
 * Normalisation of a value by its own statistics, the same in training and evaluation:
 *   y = (x − m) / √(v + ε) · scale + shift,   m and v the mean and variance of one example
 * over the units of a group, at each place (LayerNorm of channels or tokens) or over all places together (GroupNorm;
 * InstanceNorm with each unit its own group). Not centred, m = 0 and v is the mean square (RMSNorm). ε = 0 beside
 * v = 0 gives the shift.
 * In a path sum each unit passes straight, times its scale: what it is divided by counts 1, the shift is a bias.
 * The statistics of a group depend on all of its units: removed ones would change the others, so that none is cut out,
 * and a unit of zeros is not 0 behind it where the mean is taken away.
 */
import { ArgumentError } from "../errors.ts";
import { NO_PARAMETERS, ON_EACH_ELEMENT, type OperationDefinition, type Parameter } from "./definition.ts";
import { scaledPaths, scaledPathsBack } from "./unitFactors.ts";

export interface LayerNorm {
  readonly kind: "layerNorm";
  /**
   * Units are divided into so many groups of neighbours; `units`: each is its own. More than one only over all places
   * together, and centred.
   */
  readonly groups: number | "units";
  /** True: each place has its statistics; false: all places of an image have them together. */
  readonly eachPlace: boolean;
  /** False: divided by the root of the mean square alone. */
  readonly centred: boolean;
  readonly epsilon: number;
  /** Names of the scale and shift, `[units]`; a shift only beside a scale. */
  readonly scale?: string;
  readonly shift?: string;
}

export const layerNorm: OperationDefinition<LayerNorm> = {
  ...ON_EACH_ELEMENT,
  kind: "layerNorm",
  parameters({ scale, shift }, inputs, node) {
    if (scale === undefined) {
      if (shift === undefined) return NO_PARAMETERS;
      throw new ArgumentError(`layer "${node}"`, { given: "a shift alone", expected: "a scale beside it" });
    }
    const own = { shape: [inputs[0]![0]!], trained: true, unitAxis: 0 } as const;
    const factors: Parameter[] = [{ ...own, name: scale, role: "scale", initial: 1, added: false }];
    if (shift === undefined) return factors;
    return [...factors, { ...own, name: shift, role: "shift", initial: 0, added: true }];
  },
  shape({ groups, eachPlace, centred }, inputs, node) {
    const [units] = inputs[0]!;
    const isOfAll = groups === 1;
    const divides = groups === "units" || (groups >= 1 && Number.isInteger(units! / groups));
    if (isOfAll || (divides && !eachPlace && centred)) return inputs[0]!;
    throw new ArgumentError(`layer "${node}"`, {
      given: `${groups} groups of ${units} units${eachPlace ? ", at each place" : ""}${centred ? "" : ", not centred"}`,
      expected: "groups of equal size over all places, with their mean taken away; or one group",
    });
  },
  keepsZero: staysZero,
  makesZero(op, weight, unit, comesOfZeros) {
    const shift = op.shift === undefined ? 0 : weight(op.shift)[unit];
    const scale = op.scale === undefined ? 1 : weight(op.scale)[unit];
    return shift === 0 && (scale === 0 || (comesOfZeros && staysZero(op)));
  },
  isNonNegative: () => false,
  couples: ({ groups }) => groups !== "units",
  shrink: (op) => (op.groups === "units" ? () => op : undefined),
  label: ({ groups, centred }) => (centred ? (groups === 1 ? "layerNorm" : "groupNorm") : "rmsNorm"),
  pathForward: scaledPaths,
  pathBackward: scaledPathsBack,
};

function staysZero({ groups, centred }: LayerNorm): boolean {
  return groups === "units" || !centred;
}
