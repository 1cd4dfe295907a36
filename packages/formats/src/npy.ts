/**
 * NumPy arrays: `\x93NUMPY`, version, length of a header, the header (a Python dictionary), the elements.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { ArgumentError, counted } from "@phew/core";
import { plainBytes } from "./readFile.ts";
import { gather } from "./strides.ts";
import { type Dtype, ELEMENT_BYTES, requireWholeTensor, safeElementCount, type Tensor } from "./tensor.ts";

const MAGIC = Buffer.from("\x93NUMPY", "latin1");
/** NumPy itself rejects longer ones. */
const MAX_HEADER_BYTES = 10_000;

/** NumPy's name of a type, without its byte order. */
const NUMPY_NAME: Partial<Record<Dtype, string>> = {
  BOOL: "b1",
  U8: "u1",
  I8: "i1",
  U16: "u2",
  I16: "i2",
  F16: "f2",
  U32: "u4",
  I32: "i4",
  F32: "f4",
  U64: "u8",
  I64: "i8",
  F64: "f8",
};

/**
 * @param given a whole file
 * @param subject the file, for messages
 * @returns a tensor that is a view of `given`, unless the array is big-endian or in Fortran's order
 * @throws ArgumentError if the header is not valid, or if the array holds anything but numbers
 */
export function parseNpy(given: Uint8Array, subject = "npy"): Tensor {
  const bytes = plainBytes(given);
  const { text, dataStart } = headerText(subject, bytes);
  const header = new HeaderParser(subject, text).dictionary();
  const { dtype, isSwapped } = checkedDtype(subject, header.descr);
  const { shape } = header;
  const count = safeElementCount(shape);
  if (count === undefined) {
    throw new ArgumentError(subject, {
      given: `shape (${shape.join(", ")})`,
      expected: "whole numbers with a product below 2^53",
    });
  }
  const width = ELEMENT_BYTES[dtype];
  const data = bytes.subarray(dataStart);
  if (data.length !== count * width) {
    throw new ArgumentError(subject, {
      given: `${counted(data.length, "byte")} of data`,
      expected: `${count * width} for ${dtype} of shape (${shape.join(", ")})`,
      remedy: data.length < count * width ? "It is cut short: copy or download it again." : "It is damaged.",
    });
  }
  const native = isSwapped ? swapped(data, width) : data;
  if (!header.fortranOrder || shape.length < 2 || count === 0) return { dtype, shape, data: native };
  const strides = shape.map((_, axis) =>
    shape.slice(0, axis).reduce((product, length) => product * length, 1),
  );
  return { dtype, shape, data: gather(native, width, shape, strides) };
}

/**
 * The bytes that numpy.save writes, header and elements separately. @throws ArgumentError for BF16, which NumPy lacks
 */
export function npyChunks(tensor: Tensor, subject = "npy"): [Uint8Array, Uint8Array] {
  requireWholeTensor(subject, tensor);
  const { dtype, shape } = tensor;
  const name = NUMPY_NAME[dtype];
  if (name === undefined) {
    throw new ArgumentError(subject, {
      given: `the type ${dtype}`,
      expected: "a type that NumPy has",
      remedy: "Convert it to F32, or write safetensors.",
    });
  }
  const descr = `${ELEMENT_BYTES[dtype] === 1 ? "|" : "<"}${name}`;
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // numpy reserves space for the first length to grow to 21 digits
  const room = shape.length > 0 ? 21 - String(shape[0]).length : 0;
  const length = MAGIC.length + 4 + dictionary.length + room + 1;
  // as numpy: at least one space, 64 where none is needed
  const text = `${dictionary}${" ".repeat(room + 64 - (length % 64))}\n`;
  const head = Buffer.alloc(10);
  MAGIC.copy(head);
  head[6] = 1;
  head.writeUInt16LE(text.length, 8);
  return [Buffer.concat([head, Buffer.from(text, "latin1")]), tensor.data];
}

function headerText(subject: string, bytes: Uint8Array): { text: string; dataStart: number } {
  const isNpy = bytes.length >= 12 && MAGIC.equals(bytes.subarray(0, MAGIC.length));
  const version = bytes[6] ?? 0;
  if (!isNpy || version < 1 || version > 3) {
    throw new ArgumentError(subject, {
      given: isNpy ? `version ${version} of the format` : "a file that does not begin as NumPy's do",
      expected: "an array saved by numpy.save, version 1 to 3",
    });
  }
  const start = version === 1 ? 10 : 12;
  const head = new DataView(bytes.buffer, bytes.byteOffset, 12);
  const length = version === 1 ? head.getUint16(8, true) : head.getUint32(8, true);
  if (length > MAX_HEADER_BYTES || start + length > bytes.length) {
    throw new ArgumentError(subject, {
      given: `a header of ${counted(length, "byte")}`,
      expected: `at most ${Math.min(MAX_HEADER_BYTES, bytes.length - start)}`,
      remedy: "It is damaged or cut short.",
    });
  }
  const text = Buffer.from(bytes.subarray(start, start + length)).toString(version === 3 ? "utf8" : "latin1");
  return { text, dataStart: start + length };
}

interface NpyHeader {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/** Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }` and nothing else; evaluates nothing. */
class HeaderParser {
  readonly #subject: string;
  readonly #text: string;
  #at = 0;

  constructor(subject: string, text: string) {
    this.#subject = subject;
    this.#text = text;
  }

  dictionary(): NpyHeader {
    const values = new Map<string, string | boolean | number[]>();
    this.#expect("{");
    while (!this.#take("}")) {
      const key = this.#string();
      if (values.has(key)) throw this.#fault(`the key '${key}' twice`);
      this.#expect(":");
      values.set(key, this.#value());
      if (!this.#take(",")) {
        this.#expect("}");
        break;
      }
    }
    this.#space();
    if (this.#at !== this.#text.length) throw this.#fault("more after the dictionary");
    const [descr, fortranOrder, shape] = ["descr", "fortran_order", "shape"].map((key) => values.get(key));
    if (
      values.size !== 3 ||
      typeof descr !== "string" ||
      typeof fortranOrder !== "boolean" ||
      !Array.isArray(shape)
    )
      throw this.#fault("other keys or values");
    return { descr, fortranOrder, shape };
  }

  #value(): string | boolean | number[] {
    if (this.#take("True")) return true;
    if (this.#take("False")) return false;
    if (this.#take("(")) return this.#numbers();
    if (this.#take("[")) throw this.#fault("an array of records");
    return this.#string();
  }

  #numbers(): number[] {
    const numbers: number[] = [];
    while (!this.#take(")")) {
      this.#space();
      // Python 2 wrote long integers with an L
      const digits = /^(\d{1,16})L?/.exec(this.#text.slice(this.#at, this.#at + 20));
      if (digits === null) throw this.#fault("a shape that is no tuple of whole numbers");
      numbers.push(Number(digits[1]));
      this.#at += digits[0].length;
      if (!this.#take(",")) {
        this.#expect(")");
        break;
      }
    }
    return numbers;
  }

  #string(): string {
    this.#space();
    const quoted = /^(?:'([^'\\]{0,100})'|"([^"\\]{0,100})")/.exec(
      this.#text.slice(this.#at, this.#at + 110),
    );
    if (quoted === null) throw this.#fault(`${JSON.stringify(this.#text.slice(this.#at, this.#at + 20))}`);
    this.#at += quoted[0].length;
    return quoted[1] ?? quoted[2]!;
  }

  #take(word: string): boolean {
    this.#space();
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #expect(word: string): void {
    if (!this.#take(word)) throw this.#fault(`${JSON.stringify(this.#text.slice(this.#at, this.#at + 20))}`);
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
  }

  #fault(given: string): ArgumentError {
    return new ArgumentError(this.#subject, {
      given: `${given} in its header`,
      expected: "{'descr': …, 'fortran_order': …, 'shape': (…)} of an array of numbers",
      remedy: "Save a plain array with numpy.save or numpy.savez.",
    });
  }
}

function checkedDtype(subject: string, descr: string): { dtype: Dtype; isSwapped: boolean } {
  const found = Object.entries(NUMPY_NAME).find(([, name]) => name === descr.slice(1));
  if (found === undefined || !"<>|=".includes(descr[0] ?? "")) {
    const isObject = descr.includes("O");
    throw new ArgumentError(subject, {
      given: `elements of the type '${descr}'`,
      expected: `one of ${Object.values(NUMPY_NAME).join(", ")}`,
      remedy: isObject
        ? "Arrays of Python objects can run code when read: they are never opened."
        : "Convert the array with .astype before saving it.",
    });
  }
  const dtype = found[0] as Dtype;
  return { dtype, isSwapped: descr[0] === ">" && ELEMENT_BYTES[dtype] > 1 };
}

/** The bytes of each element the other way round. */
function swapped(data: Uint8Array, width: number): Uint8Array {
  const result = Buffer.from(data);
  if (width === 2) result.swap16();
  else if (width === 4) result.swap32();
  else result.swap64();
  return new Uint8Array(result.buffer, result.byteOffset, result.length);
}
