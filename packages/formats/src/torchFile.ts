/**
 * PyTorch's `.pt` and `.pth`: a zip of a pickle (`data.pkl`) and one file of raw bytes for each storage (`data/0`, …).
 * Tensors are windows on storages. Nothing of the pickle is run.
 * @see https://docs.pytorch.org/docs/stable/notes/serialization.html
 */
import { ArgumentError } from "@phew/core";
import { type Global, Tuple, unpickle } from "./pickle.ts";
import { type OpenFile, openBytes, withFile } from "./readFile.ts";
import { gather, rowMajorStrides } from "./strides.ts";
import { type Dtype, ELEMENT_BYTES, safeElementCount, type Tensor, type Tensors } from "./tensor.ts";
import { looksLikeZip, readZip, type ZipEntry } from "./zip.ts";

export interface TorchFile {
  readonly tensors: Tensors;
  /** What was taken out of what, one sentence each. */
  readonly notes: readonly string[];
}

/** A checkpoint keeps the weights under one of these names. */
const STATE_NAMES = [
  "state_dict",
  "model_state_dict",
  "model_state",
  "model",
  "module",
  "net",
  "network",
  "params",
  "weights",
];
/** What DataParallel and torch.compile put before every name. */
const WRAPPER_PREFIXES = ["module.", "_orig_mod."];
const MAX_PICKLE_BYTES = 2 ** 26;

const STORAGE_TYPES: Readonly<Record<string, Dtype>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};
const TYPES: Readonly<Record<string, Dtype>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint8: "U8",
  uint16: "U16",
  uint32: "U32",
  uint64: "U64",
  bool: "BOOL",
};

class Typed {
  readonly name: string;
  /** Absent for a storage of bytes that the tensor gives a type. */
  readonly dtype: Dtype | undefined;

  constructor(name: string, dtype: Dtype | undefined) {
    this.name = name;
    this.dtype = dtype;
  }
}

class Storage {
  readonly key: string;
  readonly dtype: Dtype | undefined;
  /** In elements; in bytes where there is no type. */
  readonly length: number;

  constructor(key: string, dtype: Dtype | undefined, length: number) {
    this.key = key;
    this.dtype = dtype;
    this.length = length;
  }
}

/** A tensor whose storage is not read yet. */
class Window {
  readonly storage: Storage;
  readonly dtype: Dtype;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(
    storage: Storage,
    dtype: Dtype,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/**
 * Reads the state dict of a file that torch.save wrote; of a checkpoint, the model's.
 * @throws ArgumentError where the file is damaged, of the format before PyTorch 1.6, or names anything but tensors
 */
export async function readTorch(path: string): Promise<TorchFile> {
  return withFile(path, readOpenTorch);
}

/** @param bytes a whole file */
export async function parseTorch(bytes: Uint8Array, subject = "pt"): Promise<TorchFile> {
  return readOpenTorch(openBytes(subject, bytes));
}

/** The same of a file that is open. */
export async function readOpenTorch(file: OpenFile): Promise<TorchFile> {
  const first = await file.read(0, Math.min(16, file.size));
  if (!looksLikeZip(first)) throw notZip(file.path, first);
  const entries = await readZip(file);
  const pickleName = [...entries.keys()].find(
    (name) => name === "data.pkl" || /^[^/]*\/data\.pkl$/.test(name),
  );
  const pickle = pickleName === undefined ? undefined : entries.get(pickleName);
  if (pickleName === undefined || pickle === undefined || pickle.size > MAX_PICKLE_BYTES) {
    throw new ArgumentError(file.path, {
      given: pickle === undefined ? "an archive without data.pkl" : `a pickle of ${pickle.size} bytes`,
      expected: pickle === undefined ? "a file that torch.save wrote" : `at most ${MAX_PICKLE_BYTES}`,
    });
  }
  const folder = pickleName.slice(0, -"data.pkl".length);
  await requireLittleEndian(file.path, entries.get(`${folder}byteorder`));
  const root = unpickle(await pickle.read(), {
    subject: file.path,
    globals: allowed(file.path),
    persistent: (id) => storageOf(file.path, id),
  });
  const notes: string[] = [];
  const windows = namedWindows(file.path, root, notes);
  const storages = new Map<string, Uint8Array>();
  const tensors = new Map<string, Tensor>();
  for (const [name, window] of windows) {
    const { storage } = window;
    const bytes = storages.get(storage.key) ?? (await readStorage(file.path, entries, folder, storage));
    storages.set(storage.key, bytes);
    tensors.set(name, throughWindow(`${file.path}: tensor "${name}"`, window, bytes));
  }
  return { tensors, notes };
}

/** Everything that a pickle may name. */
function allowed(subject: string): ReadonlyMap<string, Global> {
  const callable = (name: string, call: (args: readonly unknown[]) => unknown): [string, Global] => [
    name,
    { name, call },
  ];
  const wrong = () => broken(subject, "a call with other arguments than PyTorch gives");
  const first = (args: readonly unknown[]): unknown => {
    if (!(args[0] instanceof Window)) throw wrong();
    return args[0];
  };
  const rebuild = (args: readonly unknown[], dtype?: unknown): Window => {
    const [storage, offset, size, strides] = args;
    if (!(storage instanceof Storage) || (dtype !== undefined && !(dtype instanceof Typed))) throw wrong();
    const type = dtype?.dtype ?? storage.dtype;
    if (type === undefined || !isCount(offset)) throw wrong();
    return new Window(storage, type, offset, counts(subject, size), counts(subject, strides));
  };
  return new Map<string, Global>([
    callable("collections.OrderedDict", ([pairs]) => orderedDict(subject, pairs)),
    callable("torch.Size", ([lengths]) => new Tuple(counts(subject, lengths))),
    callable("torch.device", () => null),
    callable("torch._utils._rebuild_tensor", (args) => rebuild(args)),
    callable("torch._utils._rebuild_tensor_v2", (args) => rebuild(args)),
    callable("torch._utils._rebuild_tensor_v3", (args) => rebuild(args, args[6])),
    callable("torch._utils._rebuild_parameter", first),
    callable("torch._utils._rebuild_parameter_with_state", first),
    ...Object.entries(STORAGE_TYPES).map(
      ([name, dtype]) => [`torch.${name}`, new Typed(name, dtype)] as const,
    ),
    ...Object.entries(TYPES).map(([name, dtype]) => [`torch.${name}`, new Typed(name, dtype)] as const),
    ["torch.storage.UntypedStorage", new Typed("UntypedStorage", undefined)],
  ]);
}

function orderedDict(subject: string, pairs: unknown): Map<unknown, unknown> {
  const dictionary = new Map<unknown, unknown>();
  if (pairs === undefined) return dictionary;
  if (!Array.isArray(pairs)) throw broken(subject, "an OrderedDict of no pairs");
  for (const pair of pairs) {
    const items: readonly unknown[] = pair instanceof Tuple ? pair.items : Array.isArray(pair) ? pair : [];
    if (items.length !== 2) throw broken(subject, "an OrderedDict of no pairs");
    dictionary.set(items[0], items[1]);
  }
  return dictionary;
}

/** `("storage", torch.FloatStorage, "0", "cpu", 64)`. */
function storageOf(subject: string, id: unknown): Storage {
  const [kind, type, key, , length] = id instanceof Tuple ? id.items : [];
  if (kind !== "storage" || !(type instanceof Typed) || typeof key !== "string" || !isCount(length))
    throw broken(subject, "a persistent id that is no storage");
  return new Storage(key, type.dtype, length);
}

/** The named tensors of a state dict, or of the first one found inside a checkpoint. */
function namedWindows(subject: string, root: unknown, notes: string[]): Map<string, Window> {
  const path: string[] = [];
  const state = findState(root, path);
  if (state === undefined) {
    const keys = root instanceof Map ? [...root.keys()].slice(0, 8).map(String) : [];
    throw new ArgumentError(subject, {
      given: keys.length > 0 ? `a dictionary without named tensors (${keys.join(", ")})` : "no dictionary",
      expected: `a state dict, or a checkpoint that holds one as ${STATE_NAMES.slice(0, 4).join(", ")} …`,
      remedy: "Save it with torch.save(model.state_dict(), path).",
    });
  }
  if (path.length > 0)
    notes.push(`Took "${path.join(".")}" of the checkpoint; its other entries are left aside.`);
  const windows = new Map<string, Window>();
  const others: string[] = [];
  for (const [name, value] of state) {
    if (typeof name === "string" && value instanceof Window) windows.set(name, value);
    else others.push(String(name).slice(0, 60));
  }
  if (others.length > 0) {
    const some = others.slice(0, 5).join(", ");
    notes.push(`Left out what is no tensor: ${some}${others.length > 5 ? " …" : ""}.`);
  }
  return withoutWrapperPrefixes(windows, notes);
}

/** @param path filled with the keys that lead to it */
function findState(value: unknown, path: string[]): Map<unknown, unknown> | undefined {
  if (!(value instanceof Map) || path.length > 3) return undefined;
  for (const name of STATE_NAMES) {
    if (!(value.get(name) instanceof Map)) continue;
    path.push(name);
    const found = findState(value.get(name), path);
    if (found !== undefined) return found;
    path.pop();
  }
  return [...value.values()].some((item) => item instanceof Window) ? value : undefined;
}

function withoutWrapperPrefixes(windows: Map<string, Window>, notes: string[]): Map<string, Window> {
  let named = windows;
  for (let prefix = sharedPrefix(named); prefix !== undefined; prefix = sharedPrefix(named)) {
    const { length } = prefix;
    named = new Map([...named].map(([name, window]) => [name.slice(length), window]));
    notes.push(`Took "${prefix}" off every name.`);
  }
  return named;
}

const sharedPrefix = (named: ReadonlyMap<string, Window>): string | undefined =>
  WRAPPER_PREFIXES.find((prefix) =>
    [...named.keys()].every((name) => name.startsWith(prefix) && name !== prefix),
  );

async function readStorage(
  subject: string,
  entries: ReadonlyMap<string, ZipEntry>,
  folder: string,
  storage: Storage,
): Promise<Uint8Array> {
  const entry = entries.get(`${folder}data/${storage.key}`);
  const width = storage.dtype === undefined ? 1 : ELEMENT_BYTES[storage.dtype];
  if (entry === undefined || entry.size !== storage.length * width) {
    throw new ArgumentError(`${subject}: storage ${JSON.stringify(storage.key.slice(0, 60))}`, {
      given: entry === undefined ? "none" : `${entry.size} bytes`,
      expected: `${storage.length * width} bytes`,
      remedy: "The file is damaged: copy or download it again.",
    });
  }
  return entry.read();
}

function throughWindow(subject: string, window: Window, bytes: Uint8Array): Tensor {
  const { dtype, offset, shape, strides } = window;
  const width = ELEMENT_BYTES[dtype];
  const count = safeElementCount(shape);
  const available = Math.floor(bytes.length / width);
  // the last element, where every index is at its end
  const last = shape.reduce((at, length, axis) => at + (length - 1) * (strides[axis] ?? Number.NaN), offset);
  if (count === undefined || strides.length !== shape.length || (count > 0 && !(last < available))) {
    throw broken(
      subject,
      `shape [${shape.join(", ")}] and strides [${strides.join(", ")}] from ${offset} on, beyond its storage`,
    );
  }
  if (count > available) {
    throw new ArgumentError(subject, {
      given: `${count} elements over ${available} in memory`,
      expected: "a tensor with memory of its own",
      remedy: "It was expanded: call .contiguous() on it before saving.",
    });
  }
  const rowMajor = rowMajorStrides(shape);
  const isContiguous =
    count === 0 || shape.every((length, axis) => length === 1 || strides[axis] === rowMajor[axis]);
  const start = count === 0 ? 0 : offset * width;
  const data = isContiguous
    ? bytes.subarray(start, start + count * width)
    : gather(bytes, width, shape, strides, offset);
  return { dtype, shape, data };
}

async function requireLittleEndian(subject: string, byteorder: ZipEntry | undefined): Promise<void> {
  if (byteorder === undefined || byteorder.size > 16) return;
  const order = Buffer.from(await byteorder.read()).toString("latin1");
  if (order === "little") return;
  throw new ArgumentError(subject, {
    given: `${JSON.stringify(order)} byte order`,
    expected: "little-endian",
    remedy: "Load it on the machine that wrote it and save it as safetensors.",
  });
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function counts(subject: string, value: unknown): number[] {
  const items: readonly unknown[] =
    value instanceof Tuple ? value.items : Array.isArray(value) ? value : [null];
  if (items.length > 64 || !items.every(isCount))
    throw broken(subject, "a shape that is no list of whole numbers");
  return [...items] as number[];
}

/** Whether bytes begin with the magic number, a pickle, of the format before PyTorch 1.6. */
function looksLikeOldTorch(bytes: Uint8Array): boolean {
  const magic = Buffer.from("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46", "latin1");
  return magic.equals(bytes.subarray(0, magic.length));
}

function notZip(subject: string, first: Uint8Array): ArgumentError {
  const isOld = looksLikeOldTorch(first);
  return new ArgumentError(subject, {
    given: isOld ? "a file in the format before PyTorch 1.6" : "a file that is no zip archive",
    expected: "a file that torch.save wrote",
    remedy: isOld
      ? "Save it again: torch.save(torch.load(path, weights_only=True), path)."
      : "It is damaged or of another format.",
  });
}

function broken(subject: string, given: string): ArgumentError {
  return new ArgumentError(subject, {
    given,
    expected: "what torch.save writes",
    remedy: "The file is damaged.",
  });
}
