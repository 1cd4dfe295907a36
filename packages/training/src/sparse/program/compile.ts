/** Places the programs of a plan in memory and starts the threads that carry them out. */
import { LayersRuntime } from "@phew/engine";
import type { Draft } from "../lower/draft.ts";
import type { Exchange } from "../plan/exchange.ts";
import type { Plan } from "../plan/plan.ts";
import type { Region } from "../plan/region.ts";
import { shardCount } from "../plan/shards.ts";
import { Memory } from "./memory.ts";
import { type Placement, placeInMemory } from "./placement.ts";
import { programBytes, type WrittenProgram, writeProgram } from "./writeProgram.ts";

/** Programs by what they are for; undefined: none. */
type Drafts = Readonly<Record<string, Draft | undefined>>;

export interface CompileOptions<Programs extends Drafts> {
  readonly plan: Plan;
  readonly exchange: Exchange;
  readonly drafts: Programs;
  /** What outlives a program though none of them names it. */
  readonly lasting?: Iterable<Region>;
  /** Wanted; no more than the plan has work for. Absent: one. */
  readonly threadCount?: number | undefined;
  /** Fused multiply-add. */
  readonly relaxed?: boolean;
  /** Initial content of memory that is written before it is read; default: what is there. */
  readonly unwritten?: number | undefined;
  /** Its memory and threads take these programs in place of those before; absent: a new one. */
  readonly runtime?: LayersRuntime | undefined;
}

export interface Compiled<Programs extends Drafts> {
  readonly runtime: LayersRuntime;
  readonly memory: Memory;
  readonly placement: Placement;
  /** Under the names of their drafts. */
  readonly programs: {
    readonly [Name in keyof Programs]: WrittenProgram | Extract<Programs[Name], undefined>;
  };
}

/** @throws RangeError where memory does not suffice */
export async function compile<Programs extends Drafts>(
  options: CompileOptions<Programs>,
): Promise<Compiled<Programs>> {
  const { plan, exchange, unwritten } = options;
  const drafts = draftsOf(options);
  const lasting = lastingRegions(options);
  const sizing = sizingOf(options);
  const { bytes, total } = sizesOf(drafts, sizing.threadCount);
  // the memory of the engine and of the programs is below the rest
  const { end } = placeInMemory(drafts, lasting, { ...sizing, start: total });
  const runtime = await runtimeOf(options, end, sizing.threadCount);
  const placement = placeInMemory(drafts, lasting, { ...sizing, start: runtime.firstAddress + total });
  const memory = new Memory(runtime.buffer, placement.addresses);
  // of the programs before
  if (options.runtime !== undefined) memory.floats.fill(0, runtime.firstAddress / 4, placement.arena / 4);
  writeInitial(memory, lasting);
  writeContents(memory, drafts, plan.lanes);
  if (unwritten !== undefined) memory.floats.fill(unwritten, placement.arena / 4, placement.end / 4);
  const { threadCount } = runtime;
  const written = new Map<Draft, WrittenProgram>();
  let address = runtime.firstAddress;
  for (const [k, draft] of drafts.entries()) {
    const where = { memory, placement, lanes: plan.lanes, exchange, threadCount };
    written.set(draft, writeProgram(draft, address, where));
    address += bytes[k]!;
  }
  const programs = Object.fromEntries(
    Object.entries(options.drafts).map(([name, draft]) => [name, draft && written.get(draft)]),
  ) as Compiled<Programs>["programs"];
  return { runtime, memory, placement, programs };
}

/** With room for so many bytes; all that outlives a program is 0. */
async function runtimeOf(
  { runtime, relaxed = false }: CompileOptions<Drafts>,
  bytes: number,
  threadCount: number,
): Promise<LayersRuntime> {
  if (runtime === undefined) return LayersRuntime.start({ bytes, threadCount, relaxed });
  runtime.reserve(bytes);
  return runtime;
}

/** Bytes that {@link compile} would take; nothing is allocated. */
export function compiledBytes(options: CompileOptions<Drafts>): number {
  const drafts = draftsOf(options);
  const sizing = sizingOf(options);
  const { total } = sizesOf(drafts, sizing.threadCount);
  return placeInMemory(drafts, lastingRegions(options), { ...sizing, start: total }).end;
}

const draftsOf = ({ drafts }: CompileOptions<Drafts>): Draft[] =>
  Object.values(drafts).filter((draft) => draft !== undefined);

const sizingOf = ({ plan: { lanes, blocks }, threadCount = 1 }: CompileOptions<Drafts>) => ({
  lanes,
  blocks,
  threadCount: Math.min(threadCount, shardCount(blocks)),
});

function sizesOf(drafts: readonly Draft[], threadCount: number) {
  const bytes = drafts.map((draft) => programBytes(draft, threadCount));
  return { bytes, total: bytes.reduce((sum, each) => sum + each, 0) };
}

/** Everything that outlives a program: inputs, outputs, and what programs request. */
function lastingRegions(options: CompileOptions<Drafts>): Set<Region> {
  const { plan, exchange, lasting = [] } = options;
  const regions = new Set<Region>([...Object.values(exchange), ...lasting]);
  for (const { entryLists, orphanWeights } of plan.layers.values()) {
    for (const { entries } of entryLists) regions.add(entries);
    regions.add(orphanWeights);
  }
  for (const draft of draftsOf(options))
    for (const region of draft.regions) if (!region.temporary) regions.add(region);
  return regions;
}

function writeInitial(memory: Memory, regions: Iterable<Region>): void {
  for (const region of regions) {
    const values = region.initial?.();
    if (values instanceof Float32Array) memory.floatsOf(region).set(values);
    else if (values !== undefined) memory.integersOf(region).set(values);
  }
}

/** What depends on how tensors are laid out, now that every program has said how far it reads beyond their edges. */
function writeContents(memory: Memory, drafts: readonly Draft[], lanes: number): void {
  const written = new Map<Region, string>();
  for (const { contents } of drafts) {
    for (const [region, { layer, tensors, values }] of contents) {
      const geometries = tensors.map((tensor) => tensor.geometry(lanes));
      const layout = JSON.stringify(geometries);
      const before = written.get(region);
      if (before !== undefined && before !== layout)
        throw new Error(`${layer}: programs disagree on a tensor that its weights lead into`);
      if (before === undefined) memory.integersOf(region).set(values(geometries));
      written.set(region, layout);
    }
  }
}
