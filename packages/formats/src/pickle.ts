/**
 * Python pickles, read without running anything: a pickle is a little program that may call any function by its name.
 * Here only names on the caller's list are called; every other class or function, and whatever is made with it, becomes
 * a placeholder that does nothing.
 * @see https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import { ArgumentError, counted, shortened } from "@phew/core";

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

/**
 * Stands for a class, a function, or an object that only their code could make. It holds what the pickle says of the
 * object, for whoever looks through it; nothing is done with that.
 */
export class Placeholder {
  /** Module, a dot and name of the class or function. */
  readonly name: string;
  /** What its maker was given, in the order of the pickle: arguments and state. */
  readonly parts: unknown[];
  /** Items that the pickle put into it, where it stands for a dictionary. */
  readonly items = new Map<unknown, unknown>();

  constructor(name: string, parts: unknown[] = []) {
    this.name = name;
    this.parts = parts;
  }
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
/** A checkpoint of 100,000 tensors has a quarter as many; a hostile one must not fill the memory. */
const MOST_OPCODES = 2 ** 24;
const MOST_OBJECTS = 2 ** 22;

/**
 * Whole numbers come as `number`, beyond 2^53 as `bigint`; bytes as Uint8Array; sets as arrays; what is made by code
 * that is not among `globals` as {@link Placeholder}.
 * @throws ArgumentError where the pickle is damaged, or an object of another kind than it says
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
  #objectCount = 0;

  constructor(bytes: Uint8Array, options: PickleOptions) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#options = options;
  }

  run(): unknown {
    for (let count = 0; ; count++) {
      if (count > MOST_OPCODES) throw this.#tooMuch(`more than ${MOST_OPCODES} opcodes`);
      const opcode = this.#uint(1);
      if (opcode === 0x2e) return this.#pop();
      const value = this.#produce(opcode);
      if (value === NOTHING) this.#change(opcode);
      else this.#stack.push(value);
      if (typeof value === "object" && value !== null && ++this.#objectCount > MOST_OBJECTS)
        throw this.#tooMuch(`more than ${counted(MOST_OBJECTS, "object")}`);
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
      case 0x49: // INT, a line of digits; False and True of protocol 0 come as 0 and 1
        return this.#intLine();
      case 0x4c: // LONG
        return this.#longLine();
      case 0x46: // FLOAT
        return Number(this.#line());
      case 0x53: // STRING, quoted text of Python 2
      case 0x56: // UNICODE
        return this.#line();
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
      case 0x69: {
        // INST
        const made = this.#global(this.#line(), this.#line());
        return this.#call(made, new Tuple(this.#popToMark()));
      }
      case 0x6f: {
        // OBJ
        const [made, ...args] = this.#popToMark();
        return this.#call(made, new Tuple(args));
      }
      case 0x82: // EXT1 to EXT4: classes by numbers that only the writer's registry knows
        return new Placeholder(`extension ${this.#uint(1)}`);
      case 0x83:
        return new Placeholder(`extension ${this.#uint(2)}`);
      case 0x84:
        return new Placeholder(`extension ${this.#uint(4)}`);
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const args = this.#pop();
        return this.#call(this.#pop(), args);
      }
      case 0x92: {
        // NEWOBJ_EX: arguments by position, then by name
        const named = this.#pop();
        const args = this.#pop();
        const made = this.#call(this.#pop(), args);
        if (made instanceof Placeholder) made.parts.push(named);
        return made;
      }
      case 0x97: // NEXT_BUFFER: bytes that are kept outside of the pickle
        return new Placeholder("a buffer outside of the file");
      case 0x50: // PERSID
        return this.#options.persistent(this.#line());
      case 0x51: // BINPERSID
        return this.#options.persistent(this.#pop());
      case 0x32: // DUP
        return this.#top();
      case 0x67: // GET
        return this.#recall(this.#intLine());
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
        if (protocol > 5) throw this.#fault(`protocol ${protocol}`, "protocol 0 to 5");
        break;
      }
      case 0x95: // FRAME tells how much follows, which is of no use here
        this.#uint(8);
        break;
      case 0x30: // POP, of a mark too
        if (this.#stack.at(-1) === MARK) this.#stack.pop();
        else this.#pop();
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
      case 0x62: {
        // BUILD gives an object attributes, which nothing here has
        const state = this.#pop();
        const object = this.#top();
        if (object instanceof Placeholder) object.parts.push(state);
        break;
      }
      case 0x70: // PUT
        this.#memo.set(this.#intLine(), this.#top());
        break;
      case 0x98: // READONLY_BUFFER
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
        const name = `0x${opcode.toString(16).padStart(2, "0")}`;
        throw this.#fault(`the opcode ${name} at byte ${this.#at - 1}`, "the opcodes of protocol 0 to 5");
      }
    }
  }

  #global(module: unknown, name: unknown): Global | Placeholder {
    if (typeof module !== "string" || typeof name !== "string")
      throw this.#fault("a class whose name is no text", "a module and a name");
    const full = `${module}.${name}`;
    return this.#options.globals.get(full) ?? new Placeholder(shortened(full, 200));
  }

  #call(callee: unknown, args: unknown): unknown {
    // what a placeholder makes is one, of the same name
    if (callee instanceof Placeholder) return new Placeholder(callee.name, [args, ...callee.parts]);
    const isGlobal = typeof callee === "object" && callee !== null && "name" in callee && "call" in callee;
    if (!isGlobal || !(args instanceof Tuple))
      throw this.#fault("a call of what cannot be called", "plain values");
    return (callee as Required<Global>).call(args.items);
  }

  #append(items: readonly unknown[]): void {
    const list = this.#top();
    if (list instanceof Placeholder) for (const item of items) list.parts.push(item);
    else if (Array.isArray(list)) for (const item of items) list.push(item);
    else throw this.#fault("items for what is no list", "a list");
  }

  #fill(given: unknown, items: readonly unknown[]): unknown {
    const dictionary = given instanceof Placeholder ? given.items : given;
    if (!(dictionary instanceof Map) || items.length % 2 !== 0)
      throw this.#fault("items for what is no dictionary", "pairs");
    for (let k = 0; k < items.length; k += 2) dictionary.set(items[k], items[k + 1]);
    return given;
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

  #intLine(): number {
    const line = this.#line();
    if (!/^-?\d{1,15}$/.test(line)) throw this.#fault("a line that is no whole number", "digits");
    return Number(line);
  }

  #longLine(): number | bigint {
    const digits = /^(-?\d{1,160})L?$/.exec(this.#line())?.[1];
    if (digits === undefined) throw this.#fault("a line that is no whole number", "at most 160 digits");
    return Number.isSafeInteger(Number(digits)) ? Number(digits) : BigInt(digits);
  }

  #text(length: number): string {
    return Buffer.from(this.#take(length)).toString("utf8");
  }

  #take(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  #long(length: number): number | bigint {
    if (length > 64) throw this.#fault(`a whole number of ${counted(length, "byte")}`, "at most 64");
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

  #tooMuch(given: string): ArgumentError {
    return new ArgumentError(this.#options.subject, {
      given: `a pickle of ${given}`,
      expected: "a state dict",
      remedy: "Save the state dict alone: torch.save(model.state_dict(), path).",
    });
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
