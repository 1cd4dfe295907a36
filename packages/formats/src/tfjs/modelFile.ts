/**
 * A TensorFlow.js LayersModel on disk: `model.json` with the topology and a manifest of weights, which are in binary
 * shards beside it.
 * @see https://github.com/tensorflow/tfjs/blob/master/tfjs-core/src/io/types.ts
 */
import { basename } from "node:path";
import { ArgumentError, counted } from "@phew/core";
import { neighbourPath } from "../neighbour.ts";
import { type OpenFile, openBytes, readWhole, withFile } from "../readFile.ts";
import { isObject, type JsonObject, parseStrictJson } from "../strictJson.ts";
import { bytesOf, type Dtype, ELEMENT_BYTES, safeElementCount, type Tensor, toFloat32 } from "../tensor.ts";

/** A weight as the manifest describes it. */
export interface WeightSpec {
  /** Such as `conv2d_1/kernel`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Type of the numbers after reading. */
  readonly dtype: Dtype;
  /** Type in the file. */
  readonly storedDtype: Dtype;
  /** value = stored · scale + min; absent where numbers are stored as they are, or as float16. */
  readonly affine?: { readonly scale: number; readonly min: number };
  /** Index of its group in the manifest, and its first byte in the group's shards end to end. */
  readonly group: number;
  readonly start: number;
  /** Its own words in the manifest. */
  readonly entry: JsonObject;
}

export interface TfjsFile {
  readonly subject: string;
  /** The parsed `model.json`. */
  readonly json: JsonObject;
  /** Its modelTopology: `{class_name, config}` of the whole model, or an object that holds it as model_config. */
  readonly modelTopology: JsonObject;
  /** In the manifest's order, names once each. */
  readonly specs: readonly WeightSpec[];
  /** Names of the files with its weights, in the manifest's order. */
  readonly shards: readonly string[];
  /** A weight without its quantisation. */
  read(spec: WeightSpec): Promise<Tensor>;
  /** A weight's bytes as they are in the file. */
  readStored(spec: WeightSpec): Promise<Uint8Array>;
}

/** Opens a shard for the time of one function. */
export type OpenShard = <T>(name: string, use: (file: OpenFile) => Promise<T>) => Promise<T>;

/** Keras' topologies nest a few levels a layer. */
const MAX_DEPTH = 64;
const TYPES: Readonly<Record<string, Dtype>> = {
  float32: "F32",
  int32: "I32",
  bool: "BOOL",
  uint8: "U8",
  uint16: "U16",
  float16: "F16",
};

/**
 * @throws ArgumentError if the file is not a LayersModel, or if its shards are missing or of other sizes than it says
 */
export async function readTfjsFile(path: string): Promise<TfjsFile> {
  return parseTfjsFile(path, await readWhole(path), (name, use) =>
    withFile(neighbourPath(path, name, `${path}: shard "${name}"`), use),
  );
}

/** The same of files in memory. @param shards by name */
export function parseTfjs(json: Uint8Array, shards: ReadonlyMap<string, Uint8Array>, subject = "model.json") {
  return parseTfjsFile(subject, json, (name, use) => {
    const bytes = shards.get(name);
    if (bytes === undefined)
      throw new ArgumentError(name, { given: "no such file", expected: "a file that exists" });
    return use(openBytes(name, bytes));
  });
}

async function parseTfjsFile(subject: string, bytes: Uint8Array, openShard: OpenShard): Promise<TfjsFile> {
  const json = parseStrictJson(subject, bytes, MAX_DEPTH);
  if (!isObject(json) || !("modelTopology" in json) || !Array.isArray(json.weightsManifest)) {
    throw new ArgumentError(subject, {
      given: "JSON without a modelTopology and a weightsManifest",
      expected: "the model.json of a TensorFlow.js LayersModel",
    });
  }
  const modelTopology = unpackedTopology(subject, json);
  const groups: { shards: string[]; sizes: number[] }[] = [];
  const specs: WeightSpec[] = [];
  const seen = new Set<string>();
  for (const [group, entry] of json.weightsManifest.entries()) {
    const { paths, weights } = isObject(entry) ? entry : {};
    if (!Array.isArray(paths) || !Array.isArray(weights))
      throw notRight(subject, "a manifest without paths and weights");
    const shards = paths.map((path) => shardName(subject, path));
    let start = 0;
    for (const weight of weights) {
      const spec = specOf(subject, weight, group, start);
      if (seen.has(spec.name)) throw notRight(subject, `the weight "${spec.name}" twice`);
      seen.add(spec.name);
      specs.push(spec);
      start += byteLength(spec);
    }
    const sizes: number[] = [];
    for (const shard of shards) sizes.push(await openShard(shard, async (file) => file.size));
    const size = sizes.reduce((sum, length) => sum + length, 0);
    if (size !== start) {
      throw new ArgumentError(
        `${subject}: shards ${shards.slice(0, 3).join(", ")}${shards.length > 3 ? ", …" : ""}`,
        {
          given: counted(size, "byte"),
          expected: `${start}, what the manifest counts`,
          remedy: "A shard is missing, cut short or of another model: copy them again.",
        },
      );
    }
    groups.push({ shards, sizes });
  }
  const readStored = (spec: WeightSpec) => {
    const { shards, sizes } = groups[spec.group]!;
    return readAcross(openShard, shards, sizes, spec.start, byteLength(spec));
  };
  const read = async (spec: WeightSpec) => plain(spec, await readStored(spec));
  return {
    subject,
    json,
    modelTopology,
    specs,
    shards: groups.flatMap((group) => group.shards),
    read,
    readStored,
  };
}

/** Bytes of a weight in its shards. */
export function byteLength(spec: WeightSpec): number {
  return safeElementCount(spec.shape)! * ELEMENT_BYTES[spec.storedDtype];
}

/** `{class_name, config}` of the whole model. */
export function topologyOf({
  subject,
  modelTopology,
}: Pick<TfjsFile, "subject" | "modelTopology">): JsonObject {
  const topology = modelTopology.model_config ?? modelTopology;
  if (!isObject(topology)) throw notRight(subject, "a model_config that is no object");
  return topology;
}

/** Such as `2.15.0` or `tfjs-layers 4.22.0`; empty if the file lacks it. */
export function kerasVersionOf(file: TfjsFile): string {
  const version = file.modelTopology.keras_version ?? topologyOf(file).keras_version;
  return typeof version === "string" ? version : "";
}

function unpackedTopology(subject: string, json: JsonObject): JsonObject {
  if (json.format === "graph-model" || (isObject(json.modelTopology) && "node" in json.modelTopology)) {
    throw new ArgumentError(subject, {
      given: "a GraphModel",
      expected: "a LayersModel",
      remedy: "Convert the Keras model with --output_format tfjs_layers_model, or bring it as ONNX.",
    });
  }
  // some converters wrote the topology as a string of JSON
  const unpack = (value: unknown): unknown =>
    typeof value === "string" ? parseStrictJson(subject, Buffer.from(value), MAX_DEPTH) : value;
  const outer = unpack(json.modelTopology);
  if (!isObject(outer)) throw notRight(subject, "a modelTopology that is no object");
  return "model_config" in outer ? { ...outer, model_config: unpack(outer.model_config) } : outer;
}

function shardName(subject: string, path: unknown): string {
  if (typeof path === "string" && path !== "" && path === basename(path) && path !== "..") return path;
  throw new ArgumentError(subject, {
    given: `the shard ${JSON.stringify(path).slice(0, 100)}`,
    expected: "the name of a file in the same folder",
  });
}

function specOf(subject: string, weight: unknown, group: number, start: number): WeightSpec {
  const { name, shape, dtype, quantization } = isObject(weight) ? weight : {};
  const count = Array.isArray(shape) ? safeElementCount(shape) : undefined;
  if (typeof name !== "string" || count === undefined || count > 2 ** 40 || typeof dtype !== "string")
    throw notRight(subject, "a weight without name, shape and dtype");
  const place = { name, shape: shape as number[], group, start, entry: weight as JsonObject };
  const of = (type: unknown): Dtype => {
    if (typeof type === "string" && Object.hasOwn(TYPES, type)) return TYPES[type]!;
    throw new ArgumentError(`${subject}: weight "${name}"`, {
      given: `the type ${JSON.stringify(type)}`,
      expected: `one of ${Object.keys(TYPES).join(", ")}`,
    });
  };
  if (quantization === undefined || quantization === null)
    return { ...place, dtype: of(dtype), storedDtype: of(dtype) };
  const { dtype: stored, scale, min } = isObject(quantization) ? quantization : {};
  const storedDtype = of(stored);
  if (storedDtype === "F16") return { ...place, dtype: "F32", storedDtype };
  const usable =
    (storedDtype === "U8" || storedDtype === "U16") && Number.isFinite(scale) && Number.isFinite(min);
  if (!usable || dtype !== "float32")
    throw notRight(subject, `the weight "${name}" quantised in an unknown way`);
  return { ...place, dtype: "F32", storedDtype, affine: { scale: scale as number, min: min as number } };
}

/** A run of bytes of files laid end to end. */
async function readAcross(
  openShard: OpenShard,
  shards: readonly string[],
  sizes: readonly number[],
  start: number,
  length: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let shardStart = 0;
  for (const [k, size] of sizes.entries()) {
    const from = Math.max(start, shardStart);
    const to = Math.min(start + length, shardStart + size);
    const offset = from - shardStart;
    if (from < to) parts.push(await openShard(shards[k]!, (file) => file.read(offset, to - from)));
    shardStart += size;
  }
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A weight's numbers without quantisation. */
function plain(spec: WeightSpec, data: Uint8Array): Tensor {
  const stored = { dtype: spec.storedDtype, shape: spec.shape, data };
  if (spec.storedDtype === spec.dtype) return stored;
  const values = toFloat32(stored);
  if (spec.affine !== undefined) {
    const { scale, min } = spec.affine;
    for (let k = 0; k < values.length; k++) values[k] = values[k]! * scale + min;
  }
  return { dtype: "F32", shape: spec.shape, data: bytesOf(values) };
}

function notRight(subject: string, given: string): ArgumentError {
  return new ArgumentError(subject, {
    given,
    expected: "what TensorFlow.js and its converter write",
    remedy: "The file is damaged or of another kind.",
  });
}
