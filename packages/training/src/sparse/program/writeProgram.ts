/** Writes programs into memory, now that everything has its address. */
import { kernelNumber, kernels, type RecordLayout, records, writeRecord } from "@phew/engine";
import type { Draft, DraftInstruction, DraftSegment, FieldValue } from "../lower/draft.ts";
import { type FinishedTensor, PlannedTensor } from "../lower/tensor.ts";
import type { Exchange } from "../plan/exchange.ts";
import { Place, Region } from "../plan/region.ts";
import type { Memory } from "./memory.ts";
import { aligned, type Placement } from "./placement.ts";

/** A program in memory. */
export interface WrittenProgram {
  /** Of its first part. */
  readonly address: number;
  /** Addresses of the parts between its pauses, to be run one after another. */
  readonly parts: readonly number[];
  /** In the order of the clock's cells. */
  readonly instructions: readonly DraftInstruction[];
  /** One f64 per cell, a row for each thread; see {@link setTimed}. */
  readonly times: number;
  readonly threadCount: number;
}

const RECORD_ALIGNMENT = 16;
const recordRoom = ({ bytes }: RecordLayout): number =>
  Math.ceil(bytes / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;

/** Instructions with an effect: borders that nothing reads need no zeros. */
function meaningful({ kernel, fields }: DraftInstruction): boolean {
  if (kernel === "copyUnits") return fields.pairCount !== 0;
  return kernel !== "clearBorder" || (fields.tensor as PlannedTensor).hasBorder;
}

const partsOf = ({ segments }: Draft): DraftSegment[] =>
  segments.map((segment) => ({
    ...segment,
    prologue: segment.prologue.filter(meaningful),
    body: segment.body.filter(meaningful),
  }));

/** Bytes that {@link writeProgram} takes, a multiple of 64. */
export function programBytes(draft: Draft, threadCount: number): number {
  const segments = partsOf(draft);
  let bytes = (1 + draft.pauses.length) * recordRoom(records.program);
  bytes += segments.length * records.segment.bytes;
  bytes += draft.tensors.size * recordRoom(records.tensor);
  for (const { prologue, body } of segments) {
    for (const { kernel } of [...prologue, ...body])
      bytes += recordRoom(records[kernels[kernel]]) + records.instruction.bytes + 8 * threadCount;
  }
  return aligned(bytes + 8 * RECORD_ALIGNMENT);
}

export interface WriteOptions {
  readonly memory: Memory;
  readonly placement: Placement;
  readonly lanes: number;
  readonly exchange: Exchange;
  readonly threadCount: number;
}

/** @param address of {@link programBytes} free bytes */
export function writeProgram(draft: Draft, address: number, options: WriteOptions): WrittenProgram {
  const { memory, placement, lanes, exchange, threadCount } = options;
  const { view } = memory;
  let next = address;
  const take = (bytes: number): number => {
    const at = next;
    next = Math.ceil((at + bytes) / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
    return at;
  };
  const parts = [0, ...draft.pauses].map((start) => ({ start, at: take(recordRoom(records.program)) }));
  const tensorRecords = new Map<FinishedTensor, number>();
  for (const tensor of draft.tensors.keys()) {
    const at = take(recordRoom(records.tensor));
    tensorRecords.set(tensor, at);
    writeTensor(view, at, tensor, placement, lanes);
  }
  const segments = partsOf(draft);
  const instructions = segments.flatMap(({ prologue, body }) => [...prologue, ...body]);
  const list = take(instructions.length * records.instruction.bytes);
  const resolve = resolver(memory, placement.temporaries.get(draft)!, tensorRecords);
  for (const [index, { kernel, fields }] of instructions.entries()) {
    const record = take(recordRoom(records[kernels[kernel]]));
    const values = Object.entries(fields).map(([field, value]) => [field, resolve(value)]);
    writeRecord(view, record, records[kernels[kernel]], Object.fromEntries(values));
    writeRecord(view, list + index * records.instruction.bytes, records.instruction, {
      kernel: kernelNumber.get(kernel)!,
      record,
    });
  }
  const timeBytes = 8 * instructions.length;
  const times = take(timeBytes * threadCount);
  const segmentList = take(segments.length * records.segment.bytes);
  writeSegments(view, segmentList, segments, list);
  for (const [k, { start, at }] of parts.entries()) {
    const end = parts[k + 1]?.start ?? segments.length;
    writeRecord(view, at, records.program, {
      segments: segmentList + start * records.segment.bytes,
      segmentCount: end - start,
      losses: memory.addressOf(exchange.losses),
      stop: memory.addressOf(exchange.stop),
      times: 0,
      timeBytes,
    });
  }
  const addresses = parts.map(({ at }) => at);
  return { address: addresses[0]!, parts: addresses, instructions, times, threadCount };
}

/** What stands in a record for what an instruction names. */
function resolver(
  memory: Memory,
  temporaries: ReadonlyMap<Region, number>,
  tensorRecords: ReadonlyMap<FinishedTensor, number>,
): (value: FieldValue) => number {
  const addressOf = (region: Region) =>
    region.temporary ? temporaries.get(region)! : memory.addressOf(region);
  return (value) => {
    if (value instanceof PlannedTensor) return tensorRecords.get(value)!;
    if (value instanceof Region) return addressOf(value);
    return value instanceof Place ? addressOf(value.region) + value.offset : Number(value);
  };
}

/** @param list address of the instructions of all segments */
function writeSegments(view: DataView, at: number, segments: readonly DraftSegment[], list: number): void {
  let first = 0;
  for (const [index, { prologue, body, kind, stops }] of segments.entries()) {
    const start = list + first * records.instruction.bytes;
    writeRecord(view, at + index * records.segment.bytes, records.segment, {
      prologue: start,
      prologueCount: prologue.length,
      body: start + prologue.length * records.instruction.bytes,
      bodyCount: body.length,
      kind: kind === "blocks" ? 0 : 1,
      stops: stops ? 1 : 0,
      firstTime: first,
    });
    first += prologue.length + body.length;
  }
}

/** Whether threads measure the time of each instruction from now on. */
export function setTimed(view: DataView, { address, times }: WrittenProgram, timed: boolean): void {
  view.setUint32(address + records.program.fields.times.at, timed ? times : 0, true);
}

function writeTensor(
  view: DataView,
  at: number,
  tensor: FinishedTensor,
  { tensors }: Placement,
  lanes: number,
): void {
  const { address, blockBytes, perThread } = tensors.get(tensor)!;
  const { headBytes, unitBytes, rowBytes, pixelBytes, gapBytes, tailBytes } = tensor.geometry(lanes);
  writeRecord(view, at, records.tensor, {
    origin: address + headBytes,
    blockBytes,
    unitBytes,
    rowBytes,
    pixelBytes,
    units: tensor.units,
    height: tensor.height,
    width: tensor.width,
    perThread: perThread ? 1 : 0,
    headBytes,
    gapBytes,
    tailBytes,
  });
}
