/**
 * Python pickles, protocol 2 to 5, read without running anything: a pickle is a little program that may call any
 * function by its name; here every name that is not on the caller's list is refused.
 * @see https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import { ArgumentError } from "@phew/core";

/** A class or function that pickles may name; `call` is what calling it gives, where it may be called. */
export interface Global {
  readonly name: string;
  readonly call?: (args: readonly unknown[]) => unknown;
}

export interface PickleOptions {
  /** The file, for messages. */
  readonly subject: string;
  /** By module, a dot and name, such as `collections.OrderedDict`. */
  readonly globals: ReadonlyMap<string, Global>;
  /** What a persistent id stands for. */
  readonly persistent: (id: unknown) => unknown;
}

/** A Python tuple; lists are plain arrays, dictionaries maps. */
export class Tuple {
  readonly items: readonly unknown[];

  constructor(items: readonly unknown[]) {
    this.items = items;
  }
}

const MARK = Symbol("mark");
const NOTHING = Symbol("nothing");

/** Names of opcodes that are known but not taken, for messages. */
const REFUSED: ReadonlyMap<number, string> = new Map([
  [0x50, "PERSID"],
  [0x69, "INST"],
  [0x6f, "OBJ"],
  [0x82, "EXT1"],
  [0x83, "EXT2"],
  [0x84, "EXT4"],
  [0x92, "NEWOBJ_EX"],
  [0x97, "NEXT_BUFFER"],
  [0x98, "READONLY_BUFFER"],
]);

/**
 * Whole numbers come as `number`, beyond 2^53 as `bigint`; bytes as Uint8Array; sets as arrays.
 * @throws ArgumentError where the pickle is damaged, or names anything that is not among `globals`
 */
export function unpickle(bytes: Uint8Array, options: PickleOptions): unknown {
  return new Unpickler(bytes, options).run();
}

class Unpickler {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #options: PickleOptions;
  readonly #memo = new Map<number, unknown>();
  readonly #stack: unknown[] = [];
  #at = 0;

  constructor(bytes: Uint8Array, options: PickleOptions) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#options = options;
  }

  run(): unknown {
    for (;;) {
      const opcode = this.#uint(1);
      if (opcode === 0x2e) return this.#pop();
      const value = this.#produce(opcode);
      if (value === NOTHING) this.#change(opcode);
      else this.#stack.push(value);
    }
  }

  /** What an opcode puts on the stack; NOTHING where it only changes what is there. */
  #produce(opcode: number): unknown {
    switch (opcode) {
      case 0x28: // MARK
        return MARK;
      case 0x4e: // NONE
        return null;
      case 0x88: // NEWTRUE
        return true;
      case 0x89: // NEWFALSE
        return false;
      case 0x4a: // BININT
        return this.#view.getInt32(this.#advance(4), true);
      case 0x4b: // BININT1
        return this.#uint(1);
      case 0x4d: // BININT2
        return this.#uint(2);
      case 0x8a: // LONG1
        return this.#long(this.#uint(1));
      case 0x8b: // LONG4
        return this.#long(this.#uint(4));
      case 0x47: // BINFLOAT
        return this.#view.getFloat64(this.#advance(8), false);
      case 0x55: // SHORT_BINSTRING, text of Python 2
      case 0x8c: // SHORT_BINUNICODE
        return this.#text(this.#uint(1));
      case 0x54: // BINSTRING
      case 0x58: // BINUNICODE
        return this.#text(this.#uint(4));
      case 0x8d: // BINUNICODE8
        return this.#text(this.#uint(8));
      case 0x43: // SHORT_BINBYTES
        return this.#take(this.#uint(1));
      case 0x42: // BINBYTES
        return this.#take(this.#uint(4));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#take(this.#uint(8));
      case 0x5d: // EMPTY_LIST
      case 0x8f: // EMPTY_SET
        return [];
      case 0x6c: // LIST
      case 0x91: // FROZENSET
        return this.#popToMark();
      case 0x29: // EMPTY_TUPLE
        return new Tuple([]);
      case 0x74: // TUPLE
        return new Tuple(this.#popToMark());
      case 0x85: // TUPLE1 to TUPLE3
      case 0x86:
      case 0x87:
        return new Tuple(Array.from({ length: opcode - 0x84 }, () => this.#pop()).reverse());
      case 0x7d: // EMPTY_DICT
        return new Map();
      case 0x64: // DICT
        return this.#fill(new Map(), this.#popToMark());
      case 0x63: // GLOBAL
        return this.#global(this.#line(), this.#line());
      case 0x93: {
        // STACK_GLOBAL
        const name = this.#pop();
        return this.#global(this.#pop(), name);
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const args = this.#pop();
        return this.#call(this.#pop(), args);
      }
      case 0x51: // BINPERSID
        return this.#options.persistent(this.#pop());
      case 0x32: // DUP
        return this.#top();
      case 0x68: // BINGET
        return this.#recall(this.#uint(1));
      case 0x6a: // LONG_BINGET
        return this.#recall(this.#uint(4));
      default:
        return NOTHING;
    }
  }

  #change(opcode: number): void {
    switch (opcode) {
      case 0x80: {
        // PROTO
        const protocol = this.#uint(1);
        if (protocol > 5) throw this.#fault(`protocol ${protocol}`, "protocol 2 to 5");
        break;
      }
      case 0x95: // FRAME tells how much follows, which is of no use here
        this.#uint(8);
        break;
      case 0x30: // POP
        this.#pop();
        break;
      case 0x31: // POP_MARK
        this.#popToMark();
        break;
      case 0x61: // APPEND
        this.#append([this.#pop()]);
        break;
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        this.#append(this.#popToMark());
        break;
      case 0x73: {
        // SETITEM
        const value = this.#pop();
        const key = this.#pop();
        this.#fill(this.#top(), [key, value]);
        break;
      }
      case 0x75: {
        // SETITEMS
        const items = this.#popToMark();
        this.#fill(this.#top(), items);
        break;
      }
      case 0x62: // BUILD gives an object attributes, which nothing here has
        this.#pop();
        this.#top();
        break;
      case 0x71: // BINPUT
        this.#memo.set(this.#uint(1), this.#top());
        break;
      case 0x72: // LONG_BINPUT
        this.#memo.set(this.#uint(4), this.#top());
        break;
      case 0x94: // MEMOIZE
        this.#memo.set(this.#memo.size, this.#top());
        break;
      default: {
        const name = REFUSED.get(opcode) ?? `0x${opcode.toString(16).padStart(2, "0")}`;
        throw this.#fault(
          `the opcode ${name} at byte ${this.#at - 1}`,
          "the opcodes of protocol 2 to 5 that build plain values",
        );
      }
    }
  }

  #global(module: unknown, name: unknown): Global {
    const full = `${String(module)}.${String(name)}`;
    const found = this.#options.globals.get(full);
    if (found !== undefined) return found;
    throw new ArgumentError(this.#options.subject, {
      given: `a pickle that names ${JSON.stringify(full.slice(0, 200))}`,
      expected: "tensors in plain dictionaries: opening anything else could run code",
      remedy: "Save the state_dict alone, torch.save(model.state_dict(), path), or use safetensors.",
    });
  }

  #call(callee: unknown, args: unknown): unknown {
    const isGlobal = typeof callee === "object" && callee !== null && "name" in callee && "call" in callee;
    if (!isGlobal || !(args instanceof Tuple))
      throw this.#fault("a call of what cannot be called", "plain values");
    return (callee as Required<Global>).call(args.items);
  }

  #append(items: readonly unknown[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#fault("items for what is no list", "a list");
    for (const item of items) list.push(item);
  }

  #fill(dictionary: unknown, items: readonly unknown[]): unknown {
    if (!(dictionary instanceof Map) || items.length % 2 !== 0)
      throw this.#fault("items for what is no dictionary", "pairs");
    for (let k = 0; k < items.length; k += 2) dictionary.set(items[k], items[k + 1]);
    return dictionary;
  }

  #top(): unknown {
    const top = this.#stack[this.#stack.length - 1];
    if (this.#stack.length === 0 || top === MARK) throw this.#fault("too few values", "a whole pickle");
    return top;
  }

  #pop(): unknown {
    const top = this.#top();
    this.#stack.pop();
    return top;
  }

  #popToMark(): unknown[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw this.#fault("no mark", "a whole pickle");
    const items = this.#stack.slice(mark + 1);
    this.#stack.length = mark;
    return items;
  }

  #recall(index: number): unknown {
    if (!this.#memo.has(index)) throw this.#fault(`the memo ${index}, which was never set`, "a whole pickle");
    return this.#memo.get(index);
  }

  /** A line of a protocol 0 argument, without its end. */
  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.#cutShort();
    const line = this.#text(end - this.#at);
    this.#at++;
    return line;
  }

  #text(length: number): string {
    return Buffer.from(this.#take(length)).toString("utf8");
  }

  #take(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  #long(length: number): number | bigint {
    if (length > 64) throw this.#fault(`a whole number of ${length} bytes`, "at most 64");
    let value = 0n;
    const bytes = this.#take(length);
    for (let k = length - 1; k >= 0; k--) value = value * 256n + BigInt(bytes[k]!);
    if (length > 0 && bytes[length - 1]! >= 0x80) value -= 1n << BigInt(8 * length);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  #uint(width: 1 | 2 | 4 | 8): number {
    const at = this.#advance(width);
    if (width === 1) return this.#view.getUint8(at);
    if (width === 2) return this.#view.getUint16(at, true);
    if (width === 4) return this.#view.getUint32(at, true);
    // a length beyond 2^53 rounds to one that fails the next check as well
    return Number(this.#view.getBigUint64(at, true));
  }

  /** @returns where the next `length` bytes begin, which are then behind */
  #advance(length: number): number {
    if (this.#at + length > this.#bytes.length) throw this.#cutShort();
    this.#at += length;
    return this.#at - length;
  }

  #cutShort(): ArgumentError {
    return this.#fault("a pickle that ends too early", "a whole one");
  }

  #fault(given: string, expected: string): ArgumentError {
    return new ArgumentError(this.#options.subject, {
      given,
      expected,
      remedy: "The file is damaged or of another kind.",
    });
  }
}
