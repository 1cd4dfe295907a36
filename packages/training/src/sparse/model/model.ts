/** What programs compute, and the parameters they compute it with; prepareModel.ts makes it of a network and its masks. */
import type { Network } from "@phew/core";
import type { Norm, UnitParameter } from "../plan/parameters.ts";
import type { SparseLayer } from "../plan/sparseLayer.ts";
import type { WinogradLayer } from "../plan/winogradLayer.ts";
import type { Combination } from "./combinations.ts";

export type Layer = SparseLayer | WinogradLayer;

/** Unit numbers that are computed, ascending; one array a node. */
export type StoredUnits = readonly Uint32Array[];

export interface Model {
  readonly network: Network;
  readonly stored: StoredUnits;
  readonly combinations: ReadonlyMap<number, Combination>;
  /** Nodes that are part of a combination and have no value of their own. */
  readonly inside: ReadonlySet<number>;
  /** By node. */
  readonly layers: ReadonlyMap<number, Layer>;
  /** By name: parameters that are neither prunable nor those of a batch normalisation. */
  readonly parameters: ReadonlyMap<string, UnitParameter>;
  readonly norms: ReadonlyMap<number, Norm>;
  /** Nodes before which nothing is trained: nobody wants the gradient of their value. */
  readonly untrained: ReadonlySet<number>;
  /** Images a block, and blocks of the largest batch. */
  readonly lanes: number;
  readonly blocks: number;
}

/** All parameters that are not prunable. */
export function* unitParameters({ parameters, norms }: Model): Iterable<UnitParameter> {
  yield* parameters.values();
  for (const { scale, shift, mean, variance } of norms.values()) yield* [scale, shift, mean, variance];
}
