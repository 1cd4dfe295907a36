/**
 * Softmax attention, as exporters write it: MatMul(q, kᵀ), a scale on q, k or the product, a constant mask by Add or
 * Where, Softmax over keys, MatMul(·, v). The product waits as {@link Scores} until the values come; what else reads it
 * is refused. ONNX's own Attention (opset 23) is the same in one node.
 */
import type { AttentionMask } from "@phew/core";
import { laid, orderOf, unitsAlong } from "../arranging.ts";
import { normalAxis, smallNumbers } from "../constants.ts";
import { asAffine } from "../expressions.ts";
import type { Importer } from "../importer.ts";
import { type Atom, lengthOf, partsOf, permutedOrder } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { numbersOf } from "../tensors.ts";
import { Unsupported } from "../unsupported.ts";
import {
  type Activation,
  type Constant,
  dimsText,
  product,
  type Scores,
  sameDims,
  type Value,
} from "../values.ts";
import { unitsRepeated } from "./heads.ts";
import * as layers from "./layers.ts";
import type { Operator } from "./operator.ts";
import { viewed } from "./views.ts";

/** At most so many numbers of masks, of all heads and windows. */
const MOST_MASKED = 2 ** 24;
/** What a mask that replaces scores has for a key that is left out, or less. */
const LEFT_OUT = -1e4;

/** A product of two values of the network: scores, or values by their weights; else a dense layer. */
export const matMul: Operator = (context, node, inputs) => {
  const [a, b] = inputs;
  if (a === undefined || b === undefined || a.kind === "constant" || b.kind === "constant")
    return layers.matMul(context, node, inputs);
  if (a.kind === "scores") return attended(context, node, a, context.view(b, "attention"));
  if (b.kind === "scores" && b.step === "turned") {
    // v · pᵀ is (p · vᵀ)ᵀ
    const values = lastExchanged(context.view(a, "attention"));
    return lastExchanged(attended(context, node, { ...b, step: "weights" }, values));
  }
  const [queries, keys] = [scaledValue(context, a), scaledValue(context, b)];
  const [q, k] = [queries.value, keys.value];
  const [lead, kLead] = [q.dims.slice(0, -2), k.dims.slice(0, -2)];
  if (q.dims.length < 3 || !sameDims(lead, kLead) || q.dims.at(-1) !== k.dims.at(-2))
    throw new Unsupported(`it multiplies ${dimsText(q.dims)} and ${dimsText(k.dims)}, which is no attention`);
  return {
    kind: "scores",
    step: "scores",
    queries: q,
    keys: k,
    scale: queries.scale * keys.scale,
    masks: [],
    dims: [...lead, q.dims.at(-2)!, k.dims.at(-1)!],
    node,
  };
};

/**
 * Einsum of two values over their last axes: `…ij,…jk->…ik` is a MatMul, and `…ik,…jk->…ij` one with the second turned,
 * as models write the products of attention.
 */
export const einsum: Operator = (context, node, inputs) => {
  const equation = context.attributes(node).text("equation", "").replaceAll(/\s/g, "");
  const [, lead, i, j, otherLead, k, l, outLead, m, n] =
    /^(\w*|\.{3})(\w)(\w),(\w*|\.{3})(\w)(\w)->(\w*|\.{3})(\w)(\w)$/.exec(equation) ?? [];
  const isAlike =
    lead !== undefined && lead === otherLead && lead === outLead && m === i && inputs.length === 2;
  const labels = new Set([...(lead ?? ""), i, j, k, l]);
  const isApart = labels.size === new Set(lead ?? "").size + 3;
  const [a, b] = inputs;
  if (isAlike && isApart && j === k && n === l) return matMul(context, node, inputs);
  const isTurned = isAlike && isApart && j === l && n === k;
  if (!isTurned || a === undefined || b === undefined || a.kind === "constant" || b.kind === "constant")
    throw new Unsupported(`its equation is "${equation}": products over the last axes have their place here`);
  return matMul(context, node, [a, lastExchanged(context.view(b, "a product"))]);
};

/** Scores whose axes before the last two are divided otherwise: windows apart from examples, while their mask is added. */
function leadReshaped(context: Importer, scores: Scores, node: NodePart, wanted: readonly number[]): Scores {
  const { dims, queries, keys, masks } = scores;
  const tail = dims.slice(-2);
  const filled = wanted.map((length, axis) => (length === 0 ? (dims[axis] ?? 0) : length));
  const known = product(filled.filter((length) => length !== -1));
  const full = filled.map((length) => (length === -1 ? product(dims) / known : length));
  if (product(full) !== product(dims) || !sameDims(full.slice(-2), tail) || full.length < 3) return refused();
  const lead = full.slice(0, -2);
  const view = (value: Activation) =>
    context.view(viewed(context, node, value, [...lead, ...value.dims.slice(-2)]), "attention");
  const turned = masks.map((mask) => {
    const own = [...new Array<number>(dims.length - mask.dims.length).fill(1), ...mask.dims];
    const divided = leadOf(dims.slice(0, -2), own.slice(0, -2), lead);
    return divided === undefined ? refused() : { ...mask, dims: [...divided, ...own.slice(-2)] };
  });
  return { ...scores, queries: view(queries), keys: view(keys), masks: turned, dims: full };
}

/**
 * The axes of a mask where those of the scores become others: runs of axes with the same number of elements, of which a
 * mask has all or one. @returns undefined where it has some
 */
function leadOf(
  from: readonly number[],
  mask: readonly number[],
  to: readonly number[],
): number[] | undefined {
  const result: number[] = [];
  for (let i = 0, j = 0; i < from.length || j < to.length; ) {
    const [start, first] = [i, j];
    let [a, b] = [from[i++] ?? 1, to[j++] ?? 1];
    while (a !== b) {
      if (a < b && i < from.length) a *= from[i++]!;
      else if (b < a && j < to.length) b *= to[j++]!;
      else return undefined;
    }
    const length = product(mask.slice(start, i));
    if (length !== 1 && length !== a) return undefined;
    for (const wanted of to.slice(first, j)) result.push(length === 1 ? 1 : wanted);
  }
  return result;
}

/** A value, and the constant that an exporter has multiplied it with. */
function scaledValue(context: Importer, x: Value): { value: Activation; scale: number } {
  if (x.kind === "expression") {
    const { x: inner, scale, offset } = asAffine(x.tree);
    if (inner.is === "leaf" && offset === 0) return { value: inner.of, scale };
  }
  return { value: context.view(x, "a product"), scale: 1 };
}

type Step = (
  context: Importer,
  scores: Scores,
  node: NodePart,
  inputs: readonly (Value | undefined)[],
) => Value;

/** What may stand between the products of attention. */
const STEPS: Readonly<Record<string, Step>> = {
  Mul: (context, scores, _node, inputs) => scaledBy(context, scores, inputs, (x) => x),
  Div: (context, scores, _node, inputs) =>
    inputs[0] === scores ? scaledBy(context, scores, inputs, (x) => 1 / x) : refused(),
  Add: (_context, scores, _node, inputs) => {
    const mask = inputs.find((input) => input !== scores);
    return scores.step === "scores" && mask?.kind === "constant" ? masked(scores, mask, (x) => x) : refused();
  },
  Where: whereOf,
  Softmax(context, scores, node) {
    const rank = scores.dims.length;
    const given = context.attributes(node).int("axis", context.opset < 13 ? 1 : -1);
    if (scores.step !== "scores" || normalAxis(given, rank) !== rank - 1) return refused();
    return { ...scores, step: "weights" };
  },
  Reshape(context, scores, node, [, target]) {
    const wanted = [...smallNumbers(context.constant(target, "its shape"))];
    return leadReshaped(context, scores, node, wanted);
  },
  Transpose(context, scores, node) {
    const rank = scores.dims.length;
    const turned = scores.dims.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
    const isOfLast = `${context.attributes(node).ints("perm")}` === `${turned}`;
    return scores.step === "weights" && isOfLast ? { ...scores, step: "turned" } : refused();
  },
  IsNaN: (_context, scores) => (scores.step === "weights" ? { ...scores, step: "isNaN" } : refused()),
  Identity: (_context, scores) => scores,
  Cast: (_context, scores) => scores,
  Dropout: (_context, scores) => scores,
};

function refused(): never {
  throw new Unsupported("it reads the product of two values otherwise than softmax attention does");
}

/** ONNX's own attention: `[batch, heads, tokens, depth]`, or `[batch, tokens, heads · depth]` with the number of heads. */
export const attention: Operator = (context, node, inputs) => {
  const attributes = context.attributes(node);
  const [q, k, v, mask, ...past] = inputs;
  const isMore = past.some((input) => input !== undefined) || attributes.float("softcap", 0) !== 0;
  if (isMore || (node.output ?? []).slice(1).some((output) => context.isRead(output)))
    throw new Unsupported(
      "it keeps keys and values of tokens before, limits scores, or gives more than its means",
    );
  const headed = (x: Value | undefined, name: string) =>
    byHead(context, node, context.view(x, "attention"), attributes.int(name, 0));
  const queries = headed(q, "q_num_heads");
  const [keys, values] = [k, v].map((x) =>
    forHeads(context, node, headed(x, "kv_num_heads"), queries.dims[1]!),
  ) as [Activation, Activation];
  const [batch, heads, tokens, depth] = queries.dims as [number, number, number, number];
  const scores: Scores = {
    kind: "scores",
    step: "scores",
    queries,
    keys: axesExchanged(keys, [0, 1, 3, 2]),
    scale: attributes.float("scale", 1 / Math.sqrt(depth)),
    masks: attributes.int("is_causal", 0) === 0 ? [] : [causal(tokens, keys.dims[2]!)],
    dims: [batch, heads, tokens, keys.dims[2]!],
    node,
  };
  if (!sameDims(keys.dims.slice(0, 2), [batch, heads]) || keys.dims[3] !== depth)
    throw new Unsupported(
      `its queries of ${dimsText(queries.dims)} do not fit its keys of ${dimsText(keys.dims)}`,
    );
  const added = mask && context.constant(mask, "its mask");
  const isKept = (x: number) => (x !== 0 ? 0 : Number.NEGATIVE_INFINITY);
  const given = added && masked(scores, added, added.dtype === "BOOL" ? isKept : (x) => x);
  const result = attended(context, node, { ...(given ?? scores), step: "weights" }, values);
  if (context.view(q, "attention").dims.length === 4) return result;
  const [, , , valueDepth] = values.dims;
  return viewed(context, node, axesExchanged(result, [0, 2, 1, 3]), [batch, tokens, heads * valueDepth!]);
};

/** Keys or values that groups of heads share, once for each head. */
function forHeads(context: Importer, node: NodePart, value: Activation, heads: number): Activation {
  const [batch, own, tokens, depth] = value.dims as [number, number, number, number];
  if (own === heads || heads % own !== 0) return value;
  const apart = context.view(viewed(context, node, value, [batch, own, 1, tokens, depth]), "attention");
  const repeated = unitsRepeated(context, node, apart, 2, heads / own);
  if (repeated === undefined) return value;
  return context.view(viewed(context, node, repeated, [batch, heads, tokens, depth]), "attention");
}

/** `[batch, heads, tokens, depth]` */
function byHead(context: Importer, node: NodePart, value: Activation, heads: number): Activation {
  const [batch, tokens, units] = value.dims as [number, number, number];
  if (value.dims.length === 4) return value;
  if (value.dims.length !== 3 || !(heads >= 1) || units % heads !== 0)
    throw new Unsupported(`it divides ${dimsText(value.dims)} into ${heads} heads`);
  const divided = viewed(context, node, value, [batch, tokens, heads, units / heads]);
  return axesExchanged(context.view(divided, "attention"), [0, 2, 1, 3]);
}

const axesExchanged = (value: Activation, permutation: readonly number[]): Activation =>
  laid(value, permutedOrder(orderOf(value), permutation));

const lastExchanged = (value: Activation): Activation => {
  const rank = value.dims.length;
  return axesExchanged(
    value,
    value.dims.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)),
  );
};

/** A token sees itself and those before. */
const causal = (queries: number, keys: number): Scores["masks"][0] => ({
  dims: [queries, keys],
  added: (k) => (k % keys > Math.floor(k / keys) ? Number.NEGATIVE_INFINITY : 0),
});

/** An operation that, of scores, is a step of attention. */
export const ofScores =
  (otherwise: Operator): Operator =>
  (context, node, inputs) => {
    const scores = inputs.find((input) => input?.kind === "scores");
    const step = STEPS[node.opType ?? ""];
    return scores === undefined || step === undefined
      ? otherwise(context, node, inputs)
      : step(context, scores, node, inputs);
  };

/** Of constants this has no use in a network. */
export const isNaNOfScores: Operator = ofScores(() => {
  throw new Unsupported("it asks which numbers are none");
});

function scaledBy(
  context: Importer,
  scores: Scores,
  inputs: readonly (Value | undefined)[],
  factor: (x: number) => number,
): Scores {
  const number = context.scalar(inputs.find((input) => input !== scores));
  if (number === undefined || scores.step !== "scores") return refused();
  const masks = scores.masks.map((mask) => ({
    ...mask,
    added: (k: number) => factor(number) * mask.added(k),
  }));
  return { ...scores, scale: scores.scale * factor(number), masks };
}

/** @param added what a number of the constant adds to a score */
function masked(scores: Scores, mask: Constant, added: (x: number) => number): Scores {
  const { dims } = mask;
  const own = scores.dims.slice(scores.dims.length - dims.length);
  const fits = dims.length <= scores.dims.length && dims.every((n, k) => n === 1 || n === own[k]);
  if (!fits || product(dims) > MOST_MASKED)
    throw new Unsupported(
      `a mask of shape ${dimsText(dims)} does not fit scores of ${dimsText(scores.dims)}`,
    );
  const numbers = numbersOf(mask.read());
  return { ...scores, masks: [...scores.masks, { dims, added: (k) => added(numbers[k]!) }] };
}

/** Scores where a constant says so and −∞ elsewhere; or weights, with zeros where a row has no key. */
function whereOf(
  context: Importer,
  scores: Scores,
  _node: NodePart,
  [condition, yes, no]: readonly (Value | undefined)[],
): Value {
  if (condition?.kind === "scores") {
    const isOfRows = condition.step === "isNaN" && context.scalar(yes) === 0 && no?.kind === "scores";
    return isOfRows && no.step === "weights" ? no : refused();
  }
  const excluded = context.scalar(yes === scores ? no : yes);
  const isMask = condition?.kind === "constant" && excluded !== undefined && excluded <= LEFT_OUT;
  if (!isMask || scores.step !== "scores") return refused();
  const isKept = yes === scores ? (x: number) => x !== 0 : (x: number) => x === 0;
  return masked(scores, condition, (x) => (isKept(x) ? 0 : excluded));
}

/** The axes of queries, keys or values: what tells heads, windows, tokens and the units of a head. */
interface Divided {
  /** Units-first: `[heads · depth, windows, tokens]`. */
  readonly value: Activation;
  readonly heads: readonly number[];
  readonly windows: readonly number[];
  /** By axis before the last two: which of its atoms tell what, outer first. */
  readonly lead: readonly (readonly LeadAtom[])[];
}

interface LeadAtom {
  readonly of: "batch" | "heads" | "windows";
  readonly length: number;
}

/** @param tokens the axis of tokens, and that of the units of a head, from behind */
function divided(context: Importer, value: Activation, tokens: -1 | -2): Divided {
  const { axes, offset } = orderOf(value);
  const lead = axes.slice(0, -2);
  const plane = product(value.shape.slice(1));
  const kindOf = (atom: Atom): LeadAtom["of"] => {
    if (atom.stride === undefined) return "batch";
    const parts = partsOf([atom], plane);
    if (parts?.length !== 1)
      throw new Unsupported(`it attends over ${dimsText(value.dims)}, which lies apart`);
    return parts[0]!.isOfUnits ? "heads" : "windows";
  };
  const atoms = lead.map((own) => own.map((atom) => ({ atom, of: kindOf(atom) })));
  const all = (of: LeadAtom["of"]) => atoms.flat().flatMap((own) => (own.of === of ? [own.atom] : []));
  const [places, units] = [axes.at(tokens)!, axes.at(tokens === -1 ? -2 : -1)!];
  const turned = laid(value, { offset, axes: [all("batch"), all("heads"), units, all("windows"), places] });
  const count = lengthOf(places);
  return {
    value: unitsAlong(context, turned, [1, 2], [lengthOf(all("windows")), count]),
    heads: all("heads").map(({ length }) => length),
    windows: all("windows").map(({ length }) => length),
    lead: atoms.map((own) => own.map(({ atom, of }) => ({ of, length: atom.length }))),
  };
}

/** The values by their weights. */
function attended(context: Importer, node: NodePart, scores: Scores, given: Activation): Activation {
  if (scores.step !== "weights") return refused();
  const [t, k] = scores.dims.slice(-2) as [number, number];
  if (given.dims.at(-2) !== k || !sameDims(given.dims.slice(0, -2), scores.dims.slice(0, -2)))
    throw new Unsupported(`it takes means of ${dimsText(given.dims)} by weights of ${dimsText(scores.dims)}`);
  const q = divided(context, scores.queries, -2);
  const [keys, values] = [divided(context, scores.keys, -1), divided(context, given, -2)];
  for (const other of [keys, values])
    if (!sameDims(other.heads, q.heads) || !sameDims(other.windows, q.windows))
      throw new Unsupported("its queries, keys and values are divided into heads and windows differently");
  const [heads, windows] = [product(q.heads), product(q.windows)];
  const mask = maskOf(scores, q.lead, heads, windows);
  const op = { kind: "attention", heads, scale: scores.scale, mask } as const;
  const value = context.emit(node, op, [q.value, keys.value, values.value]);
  const dims = [...scores.dims.slice(0, -1), given.dims.at(-1)!];
  return laid(value, { offset: 0, axes: axesOf(q, value, t, heads) }, dims);
}

/** Where the result lies: the axes of scores before the last two, tokens, the units of a head. */
function axesOf({ lead }: Divided, { shape, dims }: Activation, tokens: number, heads: number): Atom[][] {
  const [units, windows] = [shape[0]!, shape[1]!];
  const depth = units / heads;
  const strides = { heads: units * windows * tokens, windows: windows * tokens, batch: 0 };
  const axes = lead.map((own) =>
    own.map(({ of, length }): Atom => {
      if (of === "batch") return { length: dims[0]!, stride: undefined };
      strides[of] /= length;
      return { length, stride: strides[of] };
    }),
  );
  const token = tokens === 1 ? [] : [{ length: tokens, stride: 1 }];
  const unit = depth === 1 ? [] : [{ length: depth, stride: windows * tokens }];
  return [...axes, token, unit];
}

/** All masks together, for each head and window; one for all of them where they are alike. */
function maskOf(
  { masks, dims }: Scores,
  lead: Divided["lead"],
  heads: number,
  windows: number,
): AttentionMask | undefined {
  if (masks.length === 0) return undefined;
  const [queries, keys] = dims.slice(-2) as [number, number];
  // axes that no mask tells apart are one
  const hasOwn = lead.map((_, axis) => masks.some((mask) => lengthAt(mask.dims, dims.length, axis) > 1));
  const telling = (of: LeadAtom["of"]) =>
    lead.some((own, axis) => hasOwn[axis] && own.some((atom) => atom.of === of));
  const [ofHeads, ofWindows] = [telling("heads") ? heads : 1, telling("windows") ? windows : 1];
  if (ofHeads * ofWindows * queries * keys > MOST_MASKED)
    throw new Unsupported(`its masks have more than ${MOST_MASKED} numbers`);
  const examples = lead.flat().find(({ of }) => of === "batch")?.length ?? 1;
  const tellsExamples = telling("batch");
  const values: number[] = [];
  for (let head = 0; head < ofHeads; head++) {
    for (let window = 0; window < ofWindows; window++) {
      const at = leadIndices(lead, head, window, 0);
      for (let e = 0; e < queries * keys; e++) {
        const value = added(masks, dims, at, Math.floor(e / keys), e % keys);
        for (let n = 1; tellsExamples && n < examples; n++) {
          const other = added(
            masks,
            dims,
            leadIndices(lead, head, window, n),
            Math.floor(e / keys),
            e % keys,
          );
          if (other !== value) throw new Unsupported("its mask differs from example to example");
        }
        values.push(value);
      }
    }
  }
  return { shape: [ofHeads, ofWindows, queries, keys], values };
}

/** Length of a mask along an axis of scores. */
const lengthAt = (dims: readonly number[], rank: number, axis: number): number =>
  dims[axis - rank + dims.length] ?? 1;

/** The index along each axis before the last two. */
function leadIndices(lead: Divided["lead"], head: number, window: number, example: number): number[] {
  const left = { heads: head, windows: window, batch: example };
  // inner atoms first
  return lead
    .toReversed()
    .map((own) => {
      let [index, step] = [0, 1];
      for (const { of, length } of own.toReversed()) {
        index += (left[of] % length) * step;
        left[of] = Math.floor(left[of] / length);
        step *= length;
      }
      return index;
    })
    .toReversed();
}

function added(
  masks: Scores["masks"],
  dims: readonly number[],
  lead: readonly number[],
  query: number,
  key: number,
): number {
  const place = [...lead, query, key];
  return masks.reduce((sum, mask) => {
    const first = dims.length - mask.dims.length;
    const at = mask.dims.reduce(
      (index, length, k) => index * length + (length === 1 ? 0 : place[first + k]!),
      0,
    );
    return sum + mask.added(at);
  }, 0);
}
