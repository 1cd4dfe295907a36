/** One forward and backward pass in a program: the tensors of values and gradients. */
import type { Node } from "@phew/core";
import type { UpdateKernel } from "@phew/engine";
import { planeOf } from "../../plane.ts";
import type { Fixed } from "../model/fixed.ts";
import type { Exchange } from "../plan/exchange.ts";
import type { UnitParameter } from "../plan/parameters.ts";
import type { Plan } from "../plan/plan.ts";
import { Place, Region } from "../plan/region.ts";
import type { StateRegions } from "../plan/stateRegions.ts";
import { type Label, ProgramDraft, type Work } from "./draft.ts";
import { Frame, PlannedTensor } from "./tensor.ts";

/** Differentiation: loss and gradients without an update; nothing is dropped. */
export type Mode = "training" | "evaluation" | "differentiation";

/** Where an operation writes a gradient. */
export interface Target {
  readonly tensor: PlannedTensor;
  /** Adds to the present content. */
  readonly accumulate: boolean;
}

interface Value {
  /** Its tensor; absent if it is computed again in every segment that needs it. */
  readonly tensor?: PlannedTensor;
  readonly make?: () => PlannedTensor;
  /** What `make` gave, and in which segment. */
  made?: { readonly segment: number; readonly tensor: PlannedTensor };
}

/** The gradient of a value so far: a tensor, or a function that makes one when the value's own operation needs it. */
type Gradient = { tensor: PlannedTensor } | { lazy: () => PlannedTensor };

export interface PassOptions {
  readonly plan: Plan;
  readonly mode: Mode;
  /** Statistics of batch normalisation; default: the batch's in training, else the running ones. */
  readonly statistics?: "running" | "batch";
  readonly exchange: Exchange;
  /** Of dropout. */
  readonly seed: number;
  readonly keepsGradients?: boolean;
  /** Only for training: updates of the parameters, and memory of their state. */
  readonly optimiser?: { readonly kernel: UpdateKernel; readonly state: StateRegions };
  /** Given: all tensors of one shape have one geometry, those of other passes with the same frames too. */
  readonly frames?: Map<string, Frame>;
  /** The program that is written; a new one unless given. */
  readonly draft?: ProgramDraft;
}

export class Pass {
  readonly plan: Plan;
  readonly mode: Mode;
  readonly exchange: Exchange;
  readonly seed: number;
  /** The program that is being written; a pass may be several, carried out one after the other. */
  draft: ProgramDraft;
  /** Write the sums of parameters' gradients, and then the updates, after the backward pass. */
  readonly sums: (() => void)[] = [];
  readonly updates: (() => void)[] = [];
  /** True where batch normalisation takes the batch's own statistics. */
  readonly normalisesBatches: boolean;
  /** True where gradients outlive the program that sums them. */
  readonly keepsGradients: boolean;
  readonly optimiser: PassOptions["optimiser"];
  /** Those that do, by parameter name: f32 for each kept weight in the order of its layer's gradient, or stored unit. */
  readonly gradients = new Map<string, Region>();
  readonly #frames: Map<string, Frame> | undefined;
  readonly #values: (Value | undefined)[] = [];
  readonly #statistics = new Map<number, number>();
  readonly #gradients: (Gradient | undefined)[] = [];

  constructor(options: PassOptions) {
    const { plan, mode, statistics, exchange, seed, keepsGradients = false } = options;
    this.draft = options.draft ?? new ProgramDraft();
    this.#frames = options.frames;
    this.plan = plan;
    this.mode = mode;
    this.normalisesBatches = (statistics ?? (mode === "training" ? "batch" : "running")) === "batch";
    this.exchange = exchange;
    this.seed = seed;
    this.keepsGradients = keepsGradients;
    this.optimiser = options.optimiser;
  }

  /** The pass of the values that this one's operations are applied to, or the tangents of which it computes: itself. */
  get primal(): Pass {
    return this;
  }

  /** Region of the sums of a parameter's gradient, f32[count]; undefined if the program ends with them. */
  keepGradient(parameter: string, count: number): Region | undefined {
    if (!this.keepsGradients) return undefined;
    const region = new Region("gradients", 4 * count);
    this.gradients.set(parameter, region);
    return region;
  }

  /** The same, with a region if none is kept. */
  newGradient(parameter: string, count: number): Region {
    return this.keepGradient(parameter, count) ?? new Region("gradients", 4 * count, { temporary: true });
  }

  /** Where to report that the gradient of a parameter is not finite. */
  watch(parameter: string): { readonly faulty: Place; readonly stop: Region } {
    const index = this.plan.network.parameters.findIndex(({ name }) => name === parameter);
    return { faulty: new Place(this.exchange.faulty, 4 * index), stop: this.exchange.stop };
  }

  /** Records that the current segment writes the sums of a normalisation. */
  sumsStatistics(norm: number): void {
    this.#statistics.set(norm, this.draft.current);
  }

  /** The segment that writes the sums of a normalisation. */
  statisticsSegment(norm: number): number | undefined {
    return this.#statistics.get(norm);
  }

  node(index: number): Node {
    return this.plan.network.nodes[index]!;
  }

  /** The first node whose value a node reads. */
  source(index: number): number {
    return this.node(index).inputs[0]!;
  }

  /** A parameter that is not prunable, by its name. */
  parameter(name: string | undefined): UnitParameter | undefined {
    return name === undefined ? undefined : this.plan.parameters.get(name);
  }

  label(index: number, work: Work): Label {
    return { layer: this.node(index).name, work };
  }

  /** A tensor of the shape of a node's value, stored units only. */
  newTensor(index: number): PlannedTensor {
    const { height, width } = planeOf(this.node(index).shape);
    const units = this.plan.stored[index]!.length;
    return new PlannedTensor(units, height, width, this.#frame(`${units} × ${height} × ${width}`));
  }

  /** The value of a node, in a place where this segment can read it. */
  read(index: number): PlannedTensor {
    const value = this.#values[index];
    if (value === undefined) throw new Error(`${this.node(index).name} has no value yet`);
    if (value.tensor !== undefined) return value.tensor;
    if (value.made?.segment !== this.draft.current)
      value.made = { segment: this.draft.current, tensor: value.make!() };
    return value.made.tensor;
  }

  /** Records the tensor of a node's value. */
  write(index: number, tensor: PlannedTensor): void {
    this.clearBorder(tensor, this.label(index, "border"));
    this.#values[index] = { tensor };
  }

  /** The value of a node is that of another: nothing is written. */
  alias(index: number, source: number): void {
    const value = this.#values[source]!;
    this.#values[index] = value;
  }

  /**
   * A value that is cheaper to compute again than to store. `make` writes the instructions and returns its tensor.
   */
  writeAnew(index: number, make: () => PlannedTensor): void {
    this.#values[index] = { make };
  }

  /** True if one operation reads a node's value, once. */
  readOnce(index: number): boolean {
    const { consumers } = this.node(index);
    return (
      index !== this.plan.network.output &&
      consumers.length === 1 &&
      this.node(consumers[0]!).inputs.filter((input) => input === index).length === 1
    );
  }

  /** True where somebody wants the gradient of a node's value. */
  wantsGradient(index: number): boolean {
    return !this.plan.untrained.has(index) && index > 0;
  }

  /** The complete gradient of a node's value; read-only. Undefined if nothing depends on the value. */
  gradientOf(index: number): PlannedTensor | undefined {
    const gradient = this.#gradients[index];
    if (gradient === undefined) return undefined;
    if ("tensor" in gradient) return gradient.tensor;
    const tensor = gradient.lazy();
    tensor.owners++;
    this.#gradients[index] = { tensor };
    return tensor;
  }

  /** The same, to be changed: a copy where others still read it. */
  ownGradientOf(index: number): PlannedTensor | undefined {
    const tensor = this.gradientOf(index);
    if (tensor === undefined || (tensor.pendingReads === 0 && tensor.owners === 1)) return tensor;
    const copy = this.newTensor(index);
    this.copy(tensor, copy, false, this.label(index, "other"));
    tensor.owners--;
    copy.owners++;
    this.#gradients[index] = { tensor: copy };
    return copy;
  }

  /** Target for a contribution to the gradient of a node's value; undefined if it is not needed. */
  receive(index: number): Target | undefined {
    if (!this.wantsGradient(index)) return undefined;
    if (this.#gradients[index] !== undefined) return { tensor: this.ownGradientOf(index)!, accumulate: true };
    const tensor = this.newTensor(index);
    tensor.owners++;
    this.#gradients[index] = { tensor };
    return { tensor, accumulate: false };
  }

  /** Adds a tensor of the same units to the gradient of a node's value; the first one is not copied. */
  addGradient(index: number, tensor: PlannedTensor): void {
    if (!this.wantsGradient(index)) return;
    if (this.#gradients[index] === undefined) {
      tensor.owners++;
      this.#gradients[index] = { tensor };
    } else {
      this.copy(tensor, this.receive(index)!.tensor, true, this.label(index, "other"));
    }
  }

  /** Adds the only contribution, as a function that makes it when the value's own operation needs it. */
  promise(index: number, make: () => PlannedTensor): void {
    if (this.#gradients[index] !== undefined)
      throw new Error(`${this.node(index).name} has a gradient already`);
    this.#gradients[index] = { lazy: make };
  }

  /** An operation has read its value's gradient for the last time. */
  release(index: number): void {
    const gradient = this.#gradients[index];
    if (gradient !== undefined && "tensor" in gradient) gradient.tensor.owners--;
  }

  /** Unit by unit, all of them. */
  copy(from: PlannedTensor, to: PlannedTensor, accumulate: boolean, label: Label): void {
    const units = Uint32Array.from({ length: to.units }, (_, k) => k);
    this.copyUnits(from, { tensor: to, accumulate }, units, label);
  }

  /** @param from where each unit of the target comes from, or NO_UNIT @param firstTo the target's first that is written */
  copyUnits(
    input: PlannedTensor,
    { tensor: output, accumulate }: Target,
    from: ArrayLike<number>,
    label: Label,
    firstTo = 0,
  ): void {
    const pairs = this.table(Uint32Array.from(Array.from(from, (unit, k) => [unit, firstTo + k]).flat()));
    this.draft.emit("copyUnits", label, { input, output, pairs, pairCount: from.length, accumulate });
  }

  /** Numbers that a kernel reads. */
  table(values: Fixed<Uint32Array>): Region {
    return new Region("program", values.byteLength, { initial: () => values });
  }

  #frame(shape: string): Frame {
    const frame = this.#frames?.get(shape) ?? new Frame();
    this.#frames?.set(shape, frame);
    return frame;
  }

  /** Zeros around the rows of a tensor; left out of the program if nothing reads them. */
  clearBorder(tensor: PlannedTensor, label: Label): void {
    this.draft.emit("clearBorder", { ...label, work: "border" }, { tensor });
  }
}
