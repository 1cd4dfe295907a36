/**
 * A process that carries out a task with an executor, as pytorch/train.py does with PyTorch: it reads the task and
 * then orders from standard input, and answers each with one line of JSON.
 */
import { ArgumentError, buildNetwork, elementCount, Masks, type Network, type Weights } from "@phew/core";
import type { Batch, ExecutorOptions } from "../executor.ts";
import { loadExecutor } from "../executors.ts";
import { peakBytes, residentBytes } from "../memoryUse.ts";
import { loadTensorflowExecutor, probeTensorflow, type TensorflowBackend } from "../tensorflow.ts";
import { ExecutorBench } from "./executorBench.ts";
import type { ProfiledExecutor } from "./profiled.ts";
import { type BenchTask, type ExecutorChoice, type NetworkDescription, parameterLength } from "./task.ts";
import { TaskReader } from "./taskReader.ts";

const reader = new TaskReader(process.stdin);

async function main(): Promise<void> {
  const task = JSON.parse((await reader.line())!) as BenchTask;
  const { batch, ...subject } = await readPayload(task);
  const startBytes = residentBytes();
  const why = await unavailable(task.executor!);
  if (why !== undefined) return answer({ unavailable: why });
  const executor = await makeExecutor(task, subject);
  const bench = new ExecutorBench(executor, task, batch, () => performance.now());
  await bench.warmUp();
  const { name, backend, threadCount, plan } = executor;
  answer({ ready: { name, backend, threadCount, plan } });
  for (;;) {
    const order = await reader.line();
    if (order === "round") answer(await bench.round());
    else if (order === "outputs") answer({ outputs: Array.from(await bench.outputs()) });
    else if (order === "profile") answer({ times: await bench.profile() });
    else break;
  }
  answer({ startBytes, peakBytes: peakBytes() });
  executor.dispose();
}

interface Payload {
  readonly network: Network;
  readonly weights: Weights;
  readonly masks?: Masks;
  readonly batch: Batch;
}

async function readPayload(task: BenchTask): Promise<Payload> {
  const network = networkOf(task.network);
  const weights = new Map<string, Float32Array>();
  for (const parameter of task.parameters) {
    const values = new Float32Array(parameterLength(parameter));
    await reader.readInto(values);
    weights.set(parameter.name, values);
  }
  const count = task.batchSize;
  const x = new Float32Array(count * elementCount(network.inputShape));
  const y = new Int32Array(count);
  await reader.readInto(x);
  await reader.readInto(y);
  const payload = { network, weights, batch: { x, y, count } };
  if (!task.masked) return payload;
  const masks = new Masks(network);
  // by name: the nodes come in another order than the one in which the network was written down
  for (const { name, role } of task.parameters)
    if (role === "weight") await reader.readInto(masks.get(name)!);
  return { ...payload, masks };
}

function networkOf({ name, nodes, output }: NetworkDescription): Network {
  const specs = nodes.map((node) => ({ ...node, inputs: node.inputs.map((input) => nodes[input]!.name) }));
  return buildNetwork(name, specs, nodes[output]!.name);
}

/** Why a backend that is wanted cannot be had here. */
async function unavailable({ backend }: ExecutorChoice): Promise<string | undefined> {
  if (backend === undefined) return undefined;
  const { tfjsNode, wasm } = await probeTensorflow();
  const found = ({ "tfjs-node": tfjsNode, "tfjs-wasm": wasm } satisfies Record<TensorflowBackend, unknown>)[
    backend
  ];
  return found.available ? undefined : found.reason;
}

async function makeExecutor(task: BenchTask, subject: Omit<Payload, "batch">): Promise<ProfiledExecutor> {
  const { name, backend, fastMath = false } = task.executor!;
  const factory =
    backend === undefined ? await loadExecutor(name, { fastMath }) : await loadTensorflowExecutor(backend);
  const options: ExecutorOptions = {
    ...subject,
    optimiser: task.optimiser,
    batchSize: task.batchSize,
    seed: task.seed,
    threadCount: task.threadCount,
  };
  return factory(options);
}

function answer(document: object): void {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}

try {
  await main();
} catch (error) {
  const { message } = error as Error;
  const fault = error instanceof ArgumentError ? { subject: error.subject, fault: error.fault } : {};
  answer({ failed: message, ...fault });
}
process.stdin.destroy();
