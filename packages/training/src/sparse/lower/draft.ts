/** A program as it is written: instructions whose addresses are not known yet, in segments. */
import type { FieldsOf, Kernel, KernelRecord } from "@phew/engine";
import { PlannedTensor } from "./tensor.ts";

/** Memory that a program needs beside its tensors. Its size may only be known when all tensors are. */
export class Region {
  readonly bytes: () => number;
  /** What stands in it before the first step; absent: zeros, or whatever the program writes. */
  readonly initial: (() => Uint32Array | Float32Array) | undefined;
  /** Written and read within a step only, so that others may use the place outside its time. */
  readonly temporary: boolean;
  /** What it is for, for the account of memory. */
  readonly purpose: Purpose;
  address = 0;

  constructor(
    purpose: Purpose,
    bytes: number | (() => number),
    options: { initial?: () => Uint32Array | Float32Array; temporary?: boolean } = {},
  ) {
    this.purpose = purpose;
    this.bytes = typeof bytes === "number" ? () => bytes : bytes;
    this.initial = options.initial;
    this.temporary = options.temporary ?? false;
  }
}

/** A place inside a region. */
export class Place {
  readonly region: Region;
  readonly offset: number;

  constructor(region: Region, offset: number) {
    this.region = region;
    this.offset = offset;
  }
}

export type Purpose = "activations" | "weights" | "optimiser" | "gradients" | "program";

/** A field of a record: a number, known now or later, or the address of something. */
export type FieldValue = number | (() => number) | PlannedTensor | Region | Place;

export type DraftFields<K extends Kernel> = Partial<
  Record<keyof FieldsOf<KernelRecord<K>>, FieldValue | undefined>
>;

/** What an instruction is for, so that its time can be told by layer and by kind of work. */
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
  readonly prologue: DraftInstruction[];
  readonly body: DraftInstruction[];
  /** The body runs for every block, or once, with kernels that take their thread's share. */
  readonly kind: "blocks" | "shares";
  /** Nothing from here on is done where the loss or a gradient is not finite. */
  readonly stops: boolean;
}

/** First and last use. Within one segment, by instruction; else by segment. */
export interface Lifetime {
  firstSegment: number;
  lastSegment: number;
  /** Instruction of the body, counted in the segment; −1 for the prologue. */
  first: number;
  last: number;
}

export class ProgramDraft {
  readonly segments: DraftSegment[] = [];
  readonly tensors = new Map<PlannedTensor, Lifetime>();
  readonly temporaries = new Map<Region, Lifetime>();
  readonly regions = new Set<Region>();

  constructor() {
    this.barrier();
  }

  /** Index of the segment that is being written. */
  get current(): number {
    return this.segments.length - 1;
  }

  /** All threads meet; what comes next may read what any block wrote. */
  barrier(kind: DraftSegment["kind"] = "blocks", stops = false): void {
    this.segments.push({ prologue: [], body: [], kind, stops });
  }

  /** Makes the segment that was just begun one whose kernels take their thread's share. */
  shares(): void {
    const last = this.segments.pop()!;
    this.segments.push({ ...last, kind: "shares" });
  }

  prologue<K extends Kernel>(kernel: K, fields: DraftFields<K>, label: Label): void {
    this.#write(this.segments.at(-1)!.prologue, -1, kernel, fields, label);
  }

  emit<K extends Kernel>(kernel: K, fields: DraftFields<K>, label: Label): void {
    const { body } = this.segments.at(-1)!;
    this.#write(body, body.length, kernel, fields, label);
  }

  #write(
    list: DraftInstruction[],
    position: number,
    kernel: Kernel,
    fields: Readonly<Record<string, FieldValue | undefined>>,
    label: Label,
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
  const known = lifetimes.get(thing);
  if (known === undefined) {
    lifetimes.set(thing, { firstSegment: segment, lastSegment: segment, first: position, last: position });
  } else {
    known.lastSegment = segment;
    known.last = position;
  }
}
