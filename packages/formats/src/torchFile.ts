/**
 * PyTorch's `.pt` and `.pth`: a zip of a pickle (`data.pkl`) and one file of raw bytes for each storage (`data/0`,
 * …). Tensors are windows of storages. No code of the pickle is run: objects beside the tensors are left out.
 * @see https://docs.pytorch.org/docs/stable/notes/serialization.html
 */
import { ArgumentError, counted, shortened } from "@phew/core";
import { type Global, Placeholder, Tuple, unpickle } from "./pickle.ts";
import { type OpenFile, openBytes, withFile } from "./readFile.ts";
import { stateDictOf } from "./stateDict.ts";
import { type Dtype, ELEMENT_BYTES, type Tensor, type Tensors } from "./tensor.ts";
import {
  broken,
  byteLength,
  checkWindow,
  hasNegative,
  isView,
  Storage,
  Typed,
  throughWindow,
  Window,
} from "./torchWindow.ts";
import { looksLikeZip, readZip, type ZipEntry } from "./zip.ts";

export interface TorchFile {
  readonly tensors: Tensors;
  /** Entries of the state dict that are not plain tensors: name → what it is instead. */
  readonly others: ReadonlyMap<string, string>;
  /** What was extracted from what, one sentence each. */
  readonly notes: readonly string[];
}

const MAX_PICKLE_BYTES = 2 ** 26;
/** Tensors that are not laid out row by row, or have the negative bit, are copied; all copies together may take so many times the file's data. */
const MOST_COPIES = 16;

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

/** Classes of tensors that hold nothing but their elements. */
const PLAIN_TYPES = ["torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer"];

/**
 * Reads the state dict of a file from torch.save; of a checkpoint, the model's.
 * @throws ArgumentError if the file is damaged, of the format before PyTorch 1.6, holds no state dict or several, or
 *   a whole model as an object, which only its own code could open
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
      given:
        pickle === undefined ? "an archive without data.pkl" : `a pickle of ${counted(pickle.size, "byte")}`,
      expected: pickle === undefined ? "a file that torch.save wrote" : `at most ${MAX_PICKLE_BYTES}`,
    });
  }
  const folder = pickleName.slice(0, -"data.pkl".length);
  if (entries.has(`${folder}constants.pkl`)) {
    throw new ArgumentError(file.path, {
      given: "a TorchScript module, which is code",
      expected: "a state dict",
      remedy: "Save its tensors: torch.save(torch.jit.load(path).state_dict(), new_path).",
    });
  }
  await requireLittleEndian(file.path, entries.get(`${folder}byteorder`));
  const root = unpickle(await pickle.read(), {
    subject: file.path,
    globals: allowed(file.path),
    persistent: (id) => storageOf(file.path, id),
  });
  const { named, others, notes } = stateDictOf(file.path, root);
  const storages = new Map<string, Uint8Array>();
  const tensors = new Map<string, Tensor>();
  let copiedBytes = 0;
  let storedBytes = 2 ** 20;
  for (const [name, window] of named) {
    const { storage } = window;
    let bytes = storages.get(storage.key);
    if (bytes === undefined) {
      bytes = await readStorage(file.path, entries, folder, storage);
      storages.set(storage.key, bytes);
      storedBytes += bytes.length;
    }
    const subject = `${file.path}: tensor "${name}"`;
    checkWindow(subject, window, bytes);
    if (!isView(window)) copiedBytes += byteLength(window);
    if (copiedBytes > MOST_COPIES * storedBytes) {
      throw new ArgumentError(subject, {
        given: "transposed or negated views that together are many times as large as what they look at",
        expected: "tensors with memory of their own",
        remedy: "Call .contiguous() on them before saving.",
      });
    }
    tensors.set(name, throughWindow(window, bytes));
  }
  return { tensors, others, notes };
}

/** Everything that a pickle may name. */
function allowed(subject: string): ReadonlyMap<string, Global> {
  const callable = (name: string, call: (args: readonly unknown[]) => unknown): [string, Global] => [
    name,
    { name, call },
  ];
  const wrong = () => broken(subject, "a call with other arguments than PyTorch gives");
  const first = (args: readonly unknown[]): unknown => {
    if (!(args[0] instanceof Window || args[0] instanceof Placeholder)) throw wrong();
    return args[0];
  };
  // (storage, offset, size, strides), then whether it is trained, hooks, and what its function adds
  const rebuild = (
    args: readonly unknown[],
    most: number,
    { dtype, metadata }: { dtype?: unknown; metadata?: unknown } = {},
  ): Window | Placeholder => {
    const [storage, offset, size, strides] = args;
    if (args.length > most) throw wrong();
    // elements of a type that has no place here, such as complex numbers
    for (const part of [storage, dtype])
      if (part instanceof Placeholder) return new Placeholder(`a tensor of ${part.name}`);
    if (!(storage instanceof Storage) || (dtype !== undefined && !(dtype instanceof Typed))) throw wrong();
    const type = dtype?.dtype ?? storage.dtype;
    if (type === undefined || !isCount(offset)) throw wrong();
    const bits = setBits(wrong, metadata);
    const unknown = bits.find((name) => name !== "neg" || !hasNegative(type));
    if (unknown !== undefined) return new Placeholder(`a tensor with "${shortened(unknown, 60)}" set`);
    const isNegated = bits.length > 0;
    return new Window(storage, type, offset, counts(subject, size), counts(subject, strides), isNegated);
  };
  return new Map<string, Global>([
    callable("collections.OrderedDict", ([pairs]) => orderedDict(subject, pairs)),
    callable("torch.Size", ([lengths]) => new Tuple(counts(subject, lengths))),
    callable("torch.device", () => null),
    callable("torch._utils._rebuild_tensor", (args) => rebuild(args, 4)),
    callable("torch._utils._rebuild_tensor_v2", (args) => rebuild(args, 7, { metadata: args[6] })),
    callable("torch._utils._rebuild_tensor_v3", (args) =>
      rebuild(args, 8, { dtype: args[6], metadata: args[7] }),
    ),
    // a tensor with attributes of its own, which are left out: (how, class, arguments, state)
    callable("torch._tensor._rebuild_from_type_v2", ([how, type, args]) =>
      rebuildFromType(wrong, how, type, args),
    ),
    ...PLAIN_TYPES.map((name): [string, Global] => [name, { name }]),
    callable("torch._utils._rebuild_parameter", first),
    callable("torch._utils._rebuild_parameter_with_state", first),
    ...Object.entries(STORAGE_TYPES).map(
      ([name, dtype]) => [`torch.${name}`, new Typed(name, dtype)] as const,
    ),
    ...Object.entries(TYPES).map(([name, dtype]) => [`torch.${name}`, new Typed(name, dtype)] as const),
    ["torch.storage.UntypedStorage", new Typed("UntypedStorage", undefined)],
  ]);
}

/**
 * Flags of a tensor's metadata: `neg` if its elements are the negated storage, `conj` for complex ones, and those of
 * other devices.
 * @see torch._utils.set_tensor_metadata
 */
function setBits(wrong: () => ArgumentError, metadata: unknown): string[] {
  if (metadata === undefined || metadata === null) return [];
  if (!(metadata instanceof Map)) throw wrong();
  const set: string[] = [];
  for (const [name, value] of metadata) {
    if (typeof name !== "string" || typeof value !== "boolean") throw wrong();
    if (value) set.push(name);
  }
  return set;
}

function rebuildFromType(wrong: () => ArgumentError, how: unknown, type: unknown, args: unknown): unknown {
  for (const part of [type, how])
    if (part instanceof Placeholder) return new Placeholder(`a tensor of ${part.name}`);
  const call = typeof how === "object" && how !== null && "call" in how ? (how as Global).call : undefined;
  if (call === undefined || !(args instanceof Tuple)) throw wrong();
  return call(args.items);
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

/** `("storage", torch.FloatStorage, "0", "cpu", 64)`; anything else is unknown. */
function storageOf(subject: string, id: unknown): Storage | Placeholder {
  const items: readonly unknown[] = id instanceof Tuple ? id.items : [];
  const [kind, type, key, , length] = items;
  if (kind !== "storage") return new Placeholder("a persistent id");
  // a sixth element marks a window of another storage, in the format before PyTorch 1.6
  if (items.length > 5) throw broken(subject, "a storage of more than a type, a key, a device and a length");
  if (type instanceof Placeholder) return new Placeholder(type.name);
  if (!(type instanceof Typed) || typeof key !== "string" || !isCount(length))
    throw broken(subject, "a persistent id that is no storage");
  return new Storage(key, type.dtype, length);
}

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
      given: entry === undefined ? "none" : counted(entry.size, "byte"),
      expected: counted(storage.length * width, "byte"),
      remedy: "The file is damaged: copy or download it again.",
    });
  }
  return entry.read();
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
  const magic = Buffer.from("\x8a\x0a\x6c\xfc\x9c\x46", "latin1");
  return bytes[0] === 0x80 && magic.equals(bytes.subarray(2, 2 + magic.length));
}

function notZip(subject: string, first: Uint8Array): ArgumentError {
  const isOld = looksLikeOldTorch(first);
  return new ArgumentError(subject, {
    given: isOld
      ? "a file in the format before PyTorch 1.6"
      : first[0] === 0x80
        ? "a bare Python pickle"
        : "a file that is no zip archive",
    expected: "a file that torch.save wrote",
    remedy: isOld
      ? "Save it again: torch.save(torch.load(path, weights_only=True), path)."
      : first[0] === 0x80
        ? "Open it where you trust it, and save the tensors with torch.save or as safetensors."
        : "It is damaged or of another format.",
  });
}
