/**
 * Distributions of initial weights. With PyTorch's fans of a weight `[out, in/groups, kh, kw]`:
 *   fanIn = in/groups · kh · kw,   fanOut = out · kh · kw   (fanOut is not divided by groups, as in PyTorch)
 *   kaiming  N(0, √(2 / fan))                     He et al. 2015, arXiv:1502.01852
 *   xavier   N(0, √(2 / (fanIn + fanOut))), or uniform on ±√(6 / (fanIn + fanOut))   Glorot & Bengio 2010
 * Batch normalisation starts at scale 1, shift 0, mean 0, variance 1; biases at 0.
 */
import { unknownName } from "../errors.ts";

export type Distribution =
  | { readonly kind: "kaiming"; readonly fan: "in" | "out" }
  | { readonly kind: "xavier"; readonly form: "normal" | "uniform" }
  | { readonly kind: "normal"; readonly standardDeviation: number };

export interface Initialisation {
  readonly conv: Distribution;
  readonly dense: Distribution;
}

const both = (distribution: Distribution): Initialisation => ({ conv: distribution, dense: distribution });

export const kaimingFanIn = both({ kind: "kaiming", fan: "in" });
export const kaimingFanOut = both({ kind: "kaiming", fan: "out" });
/** For the classifiers of VGG and MobileNet. */
export const smallNormal: Distribution = { kind: "normal", standardDeviation: 0.01 };

/** The initialisations with names. `normal` is N(0, √0.1), as in PHEW's ablation. */
export const initialisations: ReadonlyMap<string, Initialisation> = new Map([
  ["kaiming-fan-in", kaimingFanIn],
  ["kaiming-fan-out", kaimingFanOut],
  ["xavier-uniform", both({ kind: "xavier", form: "uniform" })],
  ["xavier-normal", both({ kind: "xavier", form: "normal" })],
  ["normal", both({ kind: "normal", standardDeviation: Math.sqrt(0.1) })],
]);

/** @throws ArgumentError that lists the known initialisations, for an unknown `name` */
export function initialisationByName(name: string): Initialisation {
  const initialisation = initialisations.get(name);
  if (initialisation === undefined) throw unknownName("initialisation", name, [...initialisations.keys()]);
  return initialisation;
}
