/**
 * Trained numbers that a value is multiplied with and that are added to it, y = x·scale + shift: one of each for every
 * unit (layer scale) or for every element (position embeddings). They are no weights: nothing is pruned of them.
 * In a path sum each path is multiplied with the scale; the shift is a bias.
 */
import { ON_EACH_ELEMENT, type OperationDefinition, type Parameter } from "./definition.ts";
import { NO_REPEATS, throughMeeting } from "./repeats.ts";
import { scaledPaths, scaledPathsBack } from "./unitFactors.ts";

export interface Affine {
  readonly kind: "affine";
  /** `units`: both are `[units]`; `elements`: both have the shape of the value. */
  readonly of: "units" | "elements";
  readonly scale?: string;
  readonly shift?: string;
  /** True: constants, such as those that inputs are brought to one range with; they are not trained. */
  readonly fixed?: true;
}

export const affine: OperationDefinition<Affine> = {
  ...ON_EACH_ELEMENT,
  kind: "affine",
  parameters({ of, scale, shift, fixed }, inputs) {
    const shape = of === "units" ? [inputs[0]![0]!] : inputs[0]!;
    const own = { shape, trained: !fixed, unitAxis: 0 } as const;
    const parameters: Parameter[] = [];
    if (scale !== undefined)
      parameters.push({ ...own, name: scale, role: "scale", initial: 1, added: false });
    if (shift !== undefined) parameters.push({ ...own, name: shift, role: "shift", initial: 0, added: true });
    return parameters;
  },
  // a shift that is trained is 0 in a silent unit; a constant is not
  keepsZero: ({ shift, fixed }) => shift === undefined || !fixed,
  isNonNegative: () => false,
  repeats: ({ of }, inputs) =>
    of === "units" ? throughMeeting(inputs) : { inputs: [NO_REPEATS], output: NO_REPEATS },
  pathForward: scaledPaths,
  pathBackward: scaledPathsBack,
};
