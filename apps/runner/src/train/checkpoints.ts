/** When a training keeps a checkpoint, and the tensors and numbers that one is made of. */
import { ArgumentError, Masks, type Network, type Weights } from "@phew/core";
import { boolTensor, float32Tensor, type Tensor, type Tensors, toFloat32 } from "@phew/formats";
import type { RunCheckpoint } from "@phew/runs";
import type { OptimiserState, TrainCheckpoint, TrainPosition } from "@phew/training";
import { z } from "zod";

export interface CheckpointPolicy {
  /** After so many steps; absent: by time only. */
  readonly steps?: number | undefined;
  /** After so many minutes; absent: {@link DEFAULT_MINUTES} where `steps` is absent too. */
  readonly minutes?: number | undefined;
}

const DEFAULT_MINUTES = 5;
/**
 * Prefix of the optimiser's state beside the weights, followed by the buffer's name, a slash and the parameter's
 * name.
 */
const OPTIMISER = "optimiser.";
/** Prefix of the masks that hold, if they are not those that the run began with. */
const MASKS = "masks.";

/** Prefix of the weights that were kept at any time, of a run with a rule. */
const EVER_KEPT = "everKept.";

/** The run's own part of a checkpoint. */
interface Progress {
  readonly position: TrainPosition;
  readonly masksDigest: string;
}

const whole = z.int().min(0);
/** A number in JSON, which has null for NaN and infinities. */
const measure = z.number().nullish();
const progressSchema: z.ZodType<Progress> = z.object({
  position: z.object({
    epoch: whole,
    step: whole,
    lossSum: z.number(),
    correctCount: whole,
    epochs: z.array(z.looseObject({ epoch: whole, testLoss: measure, testAccuracy: measure })).max(2 ** 26),
    elapsedMs: z.number().min(0),
    rule: z
      .object({
        changes: whole,
        replacedSteps: whole,
        layersStep: z.int().min(-1),
        memory: z.record(z.string(), z.number()),
      })
      .optional(),
  }),
  masksDigest: z.string(),
}) as unknown as z.ZodType<Progress>;

/** Whether a checkpoint is due: before the first step, and when steps or time since the last one have passed. */
export function checkpointDue(
  { steps, minutes }: CheckpointPolicy = {},
  from?: number,
): (position: TrainPosition) => boolean {
  const after = minutes ?? (steps === undefined ? DEFAULT_MINUTES : undefined);
  let [lastStep, lastAt] = [from, performance.now()];
  return ({ step }) => {
    const now = performance.now();
    const due =
      lastStep === undefined ||
      (steps !== undefined && step - lastStep >= steps) ||
      (after !== undefined && now - lastAt >= 60_000 * after);
    if (due) [lastStep, lastAt] = [step, now];
    return due;
  };
}

export function toTensors(
  network: Network,
  { position, weights, state, masks, everKept }: TrainCheckpoint,
  masksDigest: string,
): RunCheckpoint {
  const tensors = new Map(weightTensors(network, weights));
  for (const [buffer, values] of state)
    for (const [name, tensor] of weightTensors(network, values))
      tensors.set(`${OPTIMISER}${buffer}/${name}`, tensor);
  for (const [prefix, own] of [
    [MASKS, masks],
    [EVER_KEPT, everKept],
  ] as const)
    for (const parameter of own === undefined ? [] : network.prunable)
      tensors.set(`${prefix}${parameter.name}`, boolTensor(parameter.shape, own!.of(parameter).slice()));
  return { step: position.step, progress: { position, masksDigest } satisfies Progress, tensors };
}

/** @throws ArgumentError if the checkpoint is of another network */
export function fromTensors(
  network: Network,
  { progress, tensors }: RunCheckpoint,
): { training: TrainCheckpoint; masksDigest: string } {
  if (!progressSchema.safeParse(progress).success)
    throw foreignCheckpoint("the run's checkpoint", "another state");
  const { position, masksDigest } = progress as Progress;
  const training = {
    position,
    weights: valuesOf(network, tensors),
    state: stateOf(network, tensors),
    masks: masksOf(network, tensors, MASKS),
    everKept: masksOf(network, tensors, EVER_KEPT),
  };
  return { training, masksDigest };
}

/** One F32 tensor for each parameter that has values, under its name. */
export function weightTensors(network: Network, weights: Weights): ReadonlyMap<string, Tensor> {
  return new Map(
    network.parameters.flatMap(({ name, shape }) => {
      const values = weights.get(name);
      return values === undefined ? [] : [[name, float32Tensor(shape, values)] as const];
    }),
  );
}

/** Buffers by the names that the file has; each may lack parameters. */
function stateOf(network: Network, tensors: Tensors): OptimiserState {
  const buffers = Array.from(tensors.keys(), (name) => /^optimiser\.(\w+)\//.exec(name)?.[1]);
  const names = new Set(buffers.filter((buffer) => buffer !== undefined));
  return new Map(
    Array.from(names, (buffer) => [buffer, valuesOf(network, tensors, `${OPTIMISER}${buffer}/`)]),
  );
}

/** Undefined if the file has none. */
function masksOf(network: Network, tensors: Tensors, prefix: string): Masks | undefined {
  if (!Array.from(tensors.keys()).some((name) => name.startsWith(prefix))) return undefined;
  const masks = new Masks(network);
  for (const parameter of network.prunable) {
    const { name, shape } = parameter;
    const subject = `the mask of "${name}" in the run's checkpoint`;
    const tensor = tensors.get(`${prefix}${name}`);
    if (tensor === undefined) throw foreignCheckpoint(subject, "nothing");
    const given = `${tensor.dtype} of shape [${tensor.shape.join(", ")}]`;
    const isFitting = tensor.dtype === "BOOL" && tensor.shape.join() === shape.join();
    if (!isFitting) throw foreignCheckpoint(subject, given, `BOOL of shape [${shape.join(", ")}]`);
    if (tensor.data.some((byte) => byte > 1)) throw foreignCheckpoint(subject, "bytes above 1", "0 or 1");
    masks.of(parameter).set(tensor.data);
  }
  return masks;
}

/** @param prefix of a buffer of the optimiser, which may lack parameters; absent: the weights, which may not */
function valuesOf(network: Network, tensors: Tensors, prefix = ""): Weights {
  return new Map(
    network.parameters.flatMap(({ name, shape }) => {
      const tensor = tensors.get(`${prefix}${name}`);
      if (tensor === undefined && prefix !== "") return [];
      if (tensor === undefined) throw foreignCheckpoint(`"${name}" in the run's checkpoint`, "nothing");
      if (tensor.shape.join() === shape.join()) return [[name, toFloat32(tensor)] as const];
      const given = `shape [${tensor.shape.join(", ")}]`;
      throw foreignCheckpoint(`"${name}" in the run's checkpoint`, given, `[${shape.join(", ")}]`);
    }),
  );
}

function foreignCheckpoint(
  subject: string,
  given: string,
  expected = "what this version keeps there",
): ArgumentError {
  const remedy = "It is of another version of the network or of phew: begin again with --force.";
  return new ArgumentError(subject, { given, expected, remedy });
}
