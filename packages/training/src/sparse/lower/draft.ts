/** A program in progress: instructions in segments, with addresses that are not known yet. */
import type { FieldsOf, Kernel, KernelRecord } from "@phew/engine";
import type { Geometry } from "../plan/geometry.ts";
import { Place, Region } from "../plan/region.ts";
import { type FinishedTensor, PlannedTensor } from "./tensor.ts";

/** A field of a record: a number, 1 or 0, or the address of something. */
export type FieldValue = number | boolean | PlannedTensor | Region | Place;

export type DraftFields<K extends Kernel> = Partial<
  Record<keyof FieldsOf<KernelRecord<K>>, FieldValue | undefined>
>;

/** The purpose of an instruction, for times by layer and by kind of work. */
export interface Label {
  /** Name of the layer. */
  readonly layer: string;
  readonly work: Work;
}

export type Work =
  | "transfer"
  | "forward"
  | "backward"
  | "batch normalisation"
  | "activation"
  | "pooling"
  | "loss"
  | "update"
  | "border"
  | "other";

export interface DraftInstruction {
  readonly kernel: Kernel;
  readonly fields: Readonly<Record<string, FieldValue>>;
  readonly label: Label;
}

export interface DraftSegment {
  /** Carried out by every thread in full, before the body. */
  readonly prologue: readonly DraftInstruction[];
  readonly body: readonly DraftInstruction[];
  /** The body runs for every block, or once, with kernels that take their thread's share. */
  readonly kind: "blocks" | "shares";
  /** The program ends here if the loss or a gradient is not finite. */
  readonly stops: boolean;
}

/** First and last use. Within one segment, by instruction; else by segment. */
export interface Lifetime {
  readonly firstSegment: number;
  readonly lastSegment: number;
  /** Instruction of the body, counted in the segment; −1 for the prologue. */
  readonly first: number;
  readonly last: number;
}

/** What a region holds before the first step, where that depends on how tensors are laid out. */
export interface Contents {
  /** Name of the layer. */
  readonly layer: string;
  readonly tensors: readonly FinishedTensor[];
  /** @param geometries of the tensors */
  readonly values: (geometries: readonly Geometry[]) => Uint32Array;
}

/** A program as the later stages see it: written down, and not to be changed. */
export interface Draft {
  readonly segments: readonly DraftSegment[];
  readonly tensors: ReadonlyMap<FinishedTensor, Lifetime>;
  readonly temporaries: ReadonlyMap<Region, Lifetime>;
  /** All that instructions name. */
  readonly regions: ReadonlySet<Region>;
  readonly contents: ReadonlyMap<Region, Contents>;
  /** Segments before which the program pauses, so that it is run part by part; usually none. */
  readonly pauses: readonly number[];
}

interface OpenSegment extends DraftSegment {
  readonly prologue: DraftInstruction[];
  readonly body: DraftInstruction[];
}

export class ProgramDraft implements Draft {
  readonly segments: OpenSegment[] = [];
  readonly tensors = new Map<PlannedTensor, Lifetime>();
  readonly temporaries = new Map<Region, Lifetime>();
  readonly regions = new Set<Region>();
  readonly contents = new Map<Region, Contents>();
  readonly pauses: number[] = [];

  constructor() {
    this.barrier();
  }

  /** Index of the segment that is being written. */
  get current(): number {
    return this.segments.length - 1;
  }

  /** A barrier for all threads; later instructions may read the results of any block. */
  barrier(kind: DraftSegment["kind"] = "blocks", stops = false): void {
    this.segments.push({ prologue: [], body: [], kind, stops });
  }

  /** A barrier at which the program pauses. */
  pause(): void {
    this.barrier();
    this.pauses.push(this.current);
  }

  /** Makes the current segment one whose kernels take their thread's share. */
  shares(): void {
    this.segments[this.current] = { ...this.segments[this.current]!, kind: "shares" };
  }

  prologue<K extends Kernel>(kernel: K, label: Label, fields: DraftFields<K>): void {
    this.#write(this.segments.at(-1)!.prologue, -1, kernel, label, fields);
  }

  emit<K extends Kernel>(kernel: K, label: Label, fields: DraftFields<K>): void {
    const { body } = this.segments.at(-1)!;
    this.#write(body, body.length, kernel, label, fields);
  }

  /** Says what a region holds before the first step. All programs of a plan must say the same. */
  fill(region: Region, contents: Contents): void {
    this.contents.set(region, contents);
  }

  #write(
    list: DraftInstruction[],
    position: number,
    kernel: Kernel,
    label: Label,
    fields: Readonly<Record<string, FieldValue | undefined>>,
  ): void {
    const given = Object.entries(fields).filter(
      (entry): entry is [string, FieldValue] => entry[1] !== undefined,
    );
    for (const [, value] of given) this.#use(value, position);
    list.push({ kernel, fields: Object.fromEntries(given), label });
  }

  #use(value: FieldValue, position: number): void {
    if (value instanceof PlannedTensor) extend(this.tensors, value, this.current, position);
    const region = value instanceof Place ? value.region : value;
    if (!(region instanceof Region)) return;
    this.regions.add(region);
    if (region.temporary) extend(this.temporaries, region, this.current, position);
  }
}

function extend<T>(lifetimes: Map<T, Lifetime>, thing: T, segment: number, position: number): void {
  const { firstSegment, first } = lifetimes.get(thing) ?? { firstSegment: segment, first: position };
  lifetimes.set(thing, { firstSegment, first, lastSegment: segment, last: position });
}
