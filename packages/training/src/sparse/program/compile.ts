/** Places the programs of a model in memory and starts the threads that carry them out. */
import { LayersMachine } from "@phew/engine";
import type { ProgramDraft, Region } from "../lower/draft.ts";
import { shardCount } from "../lower/operations/weights.ts";
import type { Exchange } from "../lower/pass.ts";
import type { Model } from "../model/model.ts";
import { type Placement, placeInMemory } from "./memoryPlan.ts";
import { programBytes, type WrittenProgram, writeProgram } from "./writeProgram.ts";

export interface CompileOptions {
  readonly model: Model;
  readonly exchange: Exchange;
  readonly drafts: readonly ProgramDraft[];
  /** What outlives a program though none of them names it. */
  readonly lasting?: Iterable<Region>;
  /** Wanted; no more than the model has work for. Absent: one. */
  readonly threadCount?: number | undefined;
  /** Fused multiply-add. */
  readonly relaxed?: boolean;
  /** What memory that is written before it is read holds at first; zeros unless said otherwise. */
  readonly unwritten?: number | undefined;
}

export interface Compiled {
  readonly machine: LayersMachine;
  /** In the order of the drafts. */
  readonly programs: readonly WrittenProgram[];
  readonly placement: Placement;
}

/** @throws RangeError where memory does not suffice */
export async function compile(options: CompileOptions): Promise<Compiled> {
  const { model, exchange, drafts, relaxed = false, unwritten = 0 } = options;
  const lasting = lastingRegions(options);
  const sizing = sizingOf(options);
  const { threadCount } = sizing;
  const sizes = drafts.map((draft) => programBytes(draft, threadCount));
  const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
  // what the machine and the programs need stands below the rest
  const { end } = placeInMemory(drafts, lasting, { ...sizing, start: total });
  const machine = await LayersMachine.start({ bytes: end, threadCount, relaxed });
  const placement = placeInMemory(drafts, lasting, { ...sizing, start: machine.firstAddress + total });
  const view = new DataView(machine.buffer);
  writeInitial(machine.buffer, drafts, lasting);
  if (unwritten !== 0)
    new Float32Array(machine.buffer).fill(unwritten, placement.arena / 4, placement.end / 4);
  let address = machine.firstAddress;
  const programs = drafts.map((draft, k) => {
    const program = writeProgram(view, draft, address, {
      placement,
      lanes: model.lanes,
      exchange,
      threadCount: machine.threadCount,
    });
    address += sizes[k]!;
    return program;
  });
  return { machine, programs, placement };
}

/** Bytes that {@link compile} would take; nothing is allocated. */
export function compiledBytes(options: CompileOptions): number {
  const sizing = sizingOf(options);
  const total = options.drafts.reduce((sum, draft) => sum + programBytes(draft, sizing.threadCount), 0);
  return placeInMemory(options.drafts, lastingRegions(options), { ...sizing, start: total }).end;
}

const sizingOf = ({ model: { lanes, blocks }, threadCount = 1 }: CompileOptions) => ({
  lanes,
  blocks,
  threadCount: Math.min(threadCount, shardCount(blocks)),
});

/** Everything that outlives a program: what the outside reads and writes, and what programs ask for. */
function lastingRegions({ model, exchange, drafts, lasting = [] }: CompileOptions): Set<Region> {
  const regions = new Set<Region>([...Object.values(exchange), ...lasting]);
  for (const { weights, entryLists } of model.layers.values()) {
    for (const { entries } of entryLists) regions.add(entries);
    regions.add(weights.orphanWeights);
  }
  for (const draft of drafts) for (const region of draft.regions) if (!region.temporary) regions.add(region);
  return regions;
}

function writeInitial(buffer: ArrayBuffer, drafts: readonly ProgramDraft[], lasting: Iterable<Region>): void {
  const bytes = new Uint8Array(buffer);
  for (const region of new Set([...lasting, ...drafts.flatMap(({ regions }) => [...regions])])) {
    const values = region.initial?.();
    if (values === undefined) continue;
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), region.address);
  }
}
