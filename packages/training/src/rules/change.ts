/**
 * Carries out one change of the masks by a rule. The order is that of RigL: weights are dropped, then others grow among all
 * that are absent now, those just dropped included. Gradients are asked for once, of kept weights for a drop that looks at
 * them and once for growth: of the candidates alone, or of all weights layer by layer, of which the greatest are noted at once.
 * Afterwards the masks keep exactly as many weights as the plan says, unless fewer candidates than wanted have a chance.
 */
import { Masks, type PrunableParameter } from "@phew/core";
import type { ChosenRule } from "./chosen.ts";
import { greatest, groupsOf, indicesOf, randomOf } from "./groups.ts";
import type { BudgetRequest, ChangeState, Group, Memory, Plan } from "./rule.ts";

export interface RuleChange {
  readonly masks: Masks;
  /** Weights that are kept no more, and new ones, in the order of the rule's choice; survivors are in neither. */
  readonly dropped: Uint32Array;
  readonly grown: Uint32Array;
  readonly memory: Memory;
}

export async function changed(rule: ChosenRule, state: ChangeState, plan: Plan): Promise<RuleChange> {
  const { network, masks } = state;
  const groups = groupsOf(network, rule.budget.scope);
  const request: BudgetRequest = { state, groups, plan, options: rule.options };
  const next = new Masks(network, masks.bytes.slice());
  const { memory, dropped } = await drop(rule, request, next);
  const grown = await grow(rule, request, next, dropped);
  return {
    masks: next,
    dropped: Uint32Array.from(dropped.filter((k) => next.bytes[k] === 0)),
    grown: Uint32Array.from(grown.filter((k) => masks.bytes[k] === 0)),
    memory,
  };
}

/** Removes weights from `next`. */
async function drop(
  rule: ChosenRule,
  { state, groups, plan, options }: BudgetRequest,
  next: Masks,
): Promise<{ dropped: number[]; memory: Memory }> {
  const { masks, seed, change } = state;
  const counts = rule.budget.dropCounts({ state, groups, plan, options });
  const gradients = rule.drop.usesGradients?.(options) ? await keptGradients(state) : undefined;
  const dropped: number[] = [];
  let { memory } = state;
  for (const [g, group] of groups.entries()) {
    const kept = indicesOf(masks, group, 1);
    const gradient = gradients && Float32Array.from(kept, (k) => gradients.get(k)!);
    const random = randomOf(seed, change, "drop", group.layer);
    const of = { state, group, kept, count: counts[g]!, plan, options, random, gradient };
    const chosen = rule.drop.choose(of);
    if (chosen.memory !== undefined) memory = { ...memory, ...chosen.memory };
    for (const k of chosen.indices) dropped.push(k);
  }
  for (const k of dropped) next.bytes[k] = 0;
  for (const k of rule.drop.alsoDropped?.(next) ?? []) {
    next.bytes[k] = 0;
    dropped.push(k);
  }
  return { dropped, memory };
}

/** Gradients of all kept weights, by index. */
async function keptGradients({ network, masks, gradients }: ChangeState): Promise<Map<number, number>> {
  const kept = network.prunable.map((parameter) => within(parameter, masks));
  const result = new Map<number, number>();
  await gradients(new Map(network.prunable.map(({ name }, l) => [name, kept[l]!])), (name, values) => {
    const l = network.prunable.findIndex((parameter) => parameter.name === name);
    for (const [k, index] of kept[l]!.entries()) result.set(network.prunable[l]!.start + index, values[k]!);
  });
  return result;
}

function within({ start, length }: PrunableParameter, masks: Masks): Uint32Array {
  return indicesOf(masks, { start, length }, 1).map((k) => k - start);
}

/** Adds weights to `next`. @returns them, in the order of the groups */
async function grow(
  rule: ChosenRule,
  request: BudgetRequest,
  next: Masks,
  dropped: number[],
): Promise<number[]> {
  const { state, groups, options } = request;
  const after = new Masks(state.network, next.bytes.slice());
  const counts = rule.budget.growCounts(request, after);
  const growth = await rule.grow.begin(state, after, options);
  // groups of one layer share a stream
  const streams = new Map<number | undefined, ReturnType<typeof randomOf>>();
  const candidates = groups.map((group, g) => {
    const random = streams.get(group.layer) ?? randomOf(state.seed, state.change, "grow", group.layer);
    streams.set(group.layer, random);
    return counts[g] === 0 && rule.budget.refine === undefined
      ? new Uint32Array(0)
      : growth.candidates(group, counts[g]!, random);
  });
  const chosen = rule.grow.byGradient(options)
    ? await byGradient(rule, request, { after, next, counts, candidates, dropped })
    : candidates.map((indices, g) => [...(indices as Uint32Array)].slice(0, counts[g]!));
  const grown = chosen.flat();
  for (const k of grown) next.bytes[k] = 1;
  return grown;
}

interface Choice {
  readonly after: Masks;
  /** Loses what the budget drops besides. */
  readonly next: Masks;
  readonly counts: readonly number[];
  readonly candidates: readonly (Uint32Array | "all")[];
  readonly dropped: number[];
}

/** The candidates with the greatest |gradient| of each group, greatest first. */
async function byGradient(rule: ChosenRule, request: BudgetRequest, choice: Choice): Promise<number[][]> {
  const { state, groups } = request;
  const { prunable } = state.network;
  const asked = askedOf(request, choice);
  const chosen: number[][] = groups.map(() => []);
  // of a group over all layers, the best so far
  let best: { indices: Uint32Array; sizes: Float32Array } | undefined;
  const layers = new Map(prunable.map((parameter, l) => [parameter.name, l]));
  await state.gradients(asked, (name, gradient) => {
    const l = layers.get(name)!;
    const request_ = asked.get(name)!;
    const sizeOf = sizesOf(prunable[l]!, request_, gradient);
    if (groups.length === 1 && groups[0]!.layer === undefined) {
      const own = absentOf(choice, 0, { start: prunable[l]!.start, length: prunable[l]!.length });
      best = merged(best, own, sizeOf(own), choice.counts[0]!);
      return;
    }
    const own = groups.flatMap((group, g) => (group.layer === l ? [g] : []));
    const refined = rule.budget.refine?.(
      request,
      choice.after,
      own.map((g) => groups[g]!),
      gradient,
    );
    for (const k of refined?.dropped ?? []) {
      choice.next.bytes[k] = 0;
      choice.dropped.push(k);
    }
    for (const [place, g] of own.entries()) {
      const indices = absentOf(choice, g, groups[g]!);
      const count = refined?.growCounts[place] ?? choice.counts[g]!;
      chosen[g] = [...greatest(indices, sizeOf(indices), count)];
    }
  });
  if (best !== undefined) chosen[0] = [...best.indices];
  return chosen;
}

/** The gradients that a choice needs. */
function askedOf({ state, groups }: BudgetRequest, { candidates }: Choice): Map<string, Uint32Array | "all"> {
  const asked = new Map<string, Uint32Array | "all">();
  for (const [l, { name, start, length }] of state.network.prunable.entries()) {
    const own = groups.flatMap(({ layer }, g) => (layer === l || layer === undefined ? [g] : []));
    if (own.some((g) => candidates[g] === "all")) {
      asked.set(name, "all");
      continue;
    }
    const indices = own.flatMap((g) => [...(candidates[g] as Uint32Array)]);
    const inLayer = indices.filter((k) => k >= start && k < start + length).map((k) => k - start);
    if (inLayer.length > 0)
      asked.set(
        name,
        Uint32Array.from(inLayer).sort((a, b) => a - b),
      );
  }
  return asked;
}

/** |gradient| of weights of a layer, which are among those that were asked for. */
function sizesOf(
  { start }: PrunableParameter,
  asked: Uint32Array | "all",
  gradient: Float32Array,
): (indices: Uint32Array) => Float32Array {
  const places = asked === "all" ? undefined : new Map(Array.from(asked, (index, place) => [index, place]));
  return (indices) => {
    const sizes = new Float32Array(indices.length);
    for (let k = 0; k < indices.length; k++) {
      const index = indices[k]! - start;
      sizes[k] = Math.abs(gradient[places?.get(index) ?? index]!);
    }
    return sizes;
  };
}

/** The candidates of a group in a run of weights, ascending. */
function absentOf({ after, candidates }: Choice, g: number, { start, length }: Group): Uint32Array {
  const own = candidates[g]!;
  if (own === "all") return indicesOf(after, { start, length }, 0);
  return own.filter((k) => k >= start && k < start + length).sort((a, b) => a - b);
}

/** The `count` greatest of what was found before and what is new, whatever the order of the layers. */
function merged(
  before: { indices: Uint32Array; sizes: Float32Array } | undefined,
  indices: Uint32Array,
  sizes: Float32Array,
  count: number,
): { indices: Uint32Array; sizes: Float32Array } {
  const all = Uint32Array.from([...(before?.indices ?? []), ...indices]);
  const of = new Map<number, number>();
  for (const [k, index] of (before?.indices ?? new Uint32Array(0)).entries())
    of.set(index, before!.sizes[k]!);
  for (const [k, index] of indices.entries()) of.set(index, sizes[k]!);
  const ascending = all.sort((a, b) => a - b);
  const top = greatest(
    ascending,
    Float32Array.from(ascending, (k) => of.get(k)!),
    count,
  );
  return { indices: top, sizes: Float32Array.from(top, (k) => of.get(k)!) };
}
