/** Writes programs into memory, now that everything has its address. */
import { kernelNumber, kernels, type RecordLayout, records, writeRecord } from "@phew/engine";
import { type DraftInstruction, type FieldValue, Place, type ProgramDraft, Region } from "../lower/draft.ts";
import type { Exchange } from "../lower/pass.ts";
import { PlannedTensor } from "../lower/tensor.ts";
import { aligned, type Placement } from "./memoryPlan.ts";

/** A program in memory. */
export interface WrittenProgram {
  readonly address: number;
  /** In the order of the clock's cells. */
  readonly instructions: readonly DraftInstruction[];
  /** f64 a cell, a row for each thread; see {@link setTimed}. */
  readonly times: number;
  readonly threadCount: number;
}

const RECORD_ALIGNMENT = 16;
const recordRoom = ({ bytes }: RecordLayout): number =>
  Math.ceil(bytes / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;

/** Instructions that do something: borders that nobody reads need no zeros. */
function meaningful({ kernel, fields }: DraftInstruction): boolean {
  if (kernel === "copyUnits") return fields.pairCount !== 0;
  return kernel !== "clearBorder" || (fields.tensor as PlannedTensor).hasBorder;
}

const partsOf = (draft: ProgramDraft) =>
  draft.segments.map((segment) => ({
    ...segment,
    prologue: segment.prologue.filter(meaningful),
    body: segment.body.filter(meaningful),
  }));

/** Bytes that {@link writeProgram} takes, a multiple of 64. */
export function programBytes(draft: ProgramDraft, threadCount: number): number {
  const segments = partsOf(draft);
  let bytes = recordRoom(records.program) + segments.length * records.segment.bytes;
  for (const tensor of draft.tensors.keys()) bytes += tensor === undefined ? 0 : recordRoom(records.tensor);
  for (const { prologue, body } of segments) {
    for (const { kernel } of [...prologue, ...body])
      bytes += recordRoom(records[kernels[kernel]]) + records.instruction.bytes + 8 * threadCount;
  }
  return aligned(bytes + 8 * RECORD_ALIGNMENT);
}

export function writeProgram(
  view: DataView,
  draft: ProgramDraft,
  address: number,
  {
    placement,
    lanes,
    exchange,
    threadCount,
  }: {
    readonly placement: Placement;
    readonly lanes: number;
    readonly exchange: Exchange;
    readonly threadCount: number;
  },
): WrittenProgram {
  let next = address;
  const take = (bytes: number): number => {
    const at = next;
    next = Math.ceil((at + bytes) / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
    return at;
  };
  const program = take(recordRoom(records.program));
  const tensorRecords = new Map<PlannedTensor, number>();
  for (const tensor of draft.tensors.keys()) {
    const at = take(recordRoom(records.tensor));
    tensorRecords.set(tensor, at);
    writeTensor(view, at, tensor, placement, lanes);
  }
  const segments = partsOf(draft);
  const instructions = segments.flatMap(({ prologue, body }) => [...prologue, ...body]);
  const temporaries = placement.temporaries.get(draft)!;
  const addressOf = (region: Region): number =>
    region.temporary ? temporaries.get(region)! : region.address;
  const resolve = (value: FieldValue): number => {
    if (value instanceof PlannedTensor) return tensorRecords.get(value)!;
    if (value instanceof Region) return addressOf(value);
    if (value instanceof Place) return addressOf(value.region) + value.offset;
    return typeof value === "number" ? value : value();
  };
  const list = take(instructions.length * records.instruction.bytes);
  for (const [index, { kernel, fields }] of instructions.entries()) {
    const record = take(recordRoom(records[kernels[kernel]]));
    const values = Object.fromEntries(
      Object.entries(fields).map(([field, value]) => [field, resolve(value)]),
    );
    writeRecord(view, record, records[kernels[kernel]], values);
    writeRecord(view, list + index * records.instruction.bytes, records.instruction, {
      kernel: kernelNumber.get(kernel)!,
      record,
    });
  }
  const timeBytes = 8 * instructions.length;
  const times = take(timeBytes * threadCount);
  const segmentList = take(segments.length * records.segment.bytes);
  let first = 0;
  for (const [index, { prologue, body, kind, stops }] of segments.entries()) {
    const start = list + first * records.instruction.bytes;
    writeRecord(view, segmentList + index * records.segment.bytes, records.segment, {
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
  writeRecord(view, program, records.program, {
    segments: segmentList,
    segmentCount: segments.length,
    losses: exchange.losses.address,
    stop: exchange.stop.address,
    times: 0,
    timeBytes,
  });
  return { address: program, instructions, times, threadCount };
}

/** Whether threads measure the time of each instruction from now on. */
export function setTimed(view: DataView, { address, times }: WrittenProgram, timed: boolean): void {
  view.setUint32(address + records.program.fields.times.at, timed ? times : 0, true);
}

function writeTensor(
  view: DataView,
  at: number,
  tensor: PlannedTensor,
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
