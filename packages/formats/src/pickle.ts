/**
 * Reads Python pickles without running anything: a pickle is a small program that may call any function by its name.
 * Here only names on the caller's list are called; every other class or function, and every object made with it,
 * becomes an inert placeholder.
 * @see https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import { ArgumentError, counted, shortened } from "@phew/core";

/** A class or function that pickles may name; `call` computes its result, if calls are allowed. */
export interface Global {
  readonly name: string;
  readonly call?: (args: readonly unknown[]) => unknown;
}

export interface PickleOptions {
  /** The file, for messages. */
  readonly subject: string;
  /** By module, a dot and name, such as `collections.OrderedDict`. */
  readonly globals: ReadonlyMap<string, Global>;
  /** Resolves a persistent id. */
  readonly persistent: (id: unknown) => unknown;
}

/**
 * Replaces a class, a function, or an object that only their code could make. It holds the pickled data for
 * inspection; nothing else is done with it.
 */
export class Placeholder {
  /** Module, a dot and name of the class or function. */
  readonly name: string;
  /** What its maker was given, in the order of the pickle: arguments and state. */
  readonly parts: unknown[];
  /** Items that the pickle put into it, if it replaces a dictionary. */
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
/** A checkpoint of 100,000 tensors has a quarter as many; a hostile one must not fill the memory. */
const MOST_OPCODES = 2 ** 24;
const MOST_OBJECTS = 2 ** 22;

/**
 * Whole numbers come as `number`, beyond 2^53 as `bigint`; bytes as Uint8Array; sets as arrays; objects made by code
 * that is not among `globals` as {@link Placeholder}.
 * @throws ArgumentError if the pickle is damaged, or if an object is of another kind than it says
 */
export function unpickle(bytes: Uint8Array, options: PickleOptions): unknown {
  return new Unpickler(bytes, options).run();
}

class Unpickler {
  /** The value that each opcode pushes; others only change the stack. */
  static readonly #produced: ReadonlyMap<number, (from: Unpickler) => unknown> = new Map<
    number,
    (from: Unpickler) => unknown
  >([
    [0x28, () => MARK], // MARK
    [0x4e, () => null], // NONE
    [0x88, () => true], // NEWTRUE
    [0x89, () => false], // NEWFALSE
    [0x49, (from) => from.#intLine()], // INT, a line of digits; False and True of protocol 0 come as 0 and 1
    [0x4c, (from) => from.#longLine()], // LONG
    [0x46, (from) => Number(from.#line())], // FLOAT
    [0x53, (from) => from.#line()], // STRING, quoted text of Python 2
    [0x56, (from) => from.#line()], // UNICODE
    [0x4a, (from) => from.#view.getInt32(from.#advance(4), true)], // BININT
    [0x4b, (from) => from.#uint(1)], // BININT1
    [0x4d, (from) => from.#uint(2)], // BININT2
    [0x8a, (from) => from.#long(from.#uint(1))], // LONG1
    [0x8b, (from) => from.#long(from.#uint(4))], // LONG4
    [0x47, (from) => from.#view.getFloat64(from.#advance(8), false)], // BINFLOAT
    [0x55, (from) => from.#text(from.#uint(1))], // SHORT_BINSTRING, text of Python 2
    [0x8c, (from) => from.#text(from.#uint(1))], // SHORT_BINUNICODE
    [0x54, (from) => from.#text(from.#uint(4))], // BINSTRING
    [0x58, (from) => from.#text(from.#uint(4))], // BINUNICODE
    [0x8d, (from) => from.#text(from.#uint(8))], // BINUNICODE8
    [0x43, (from) => from.#take(from.#uint(1))], // SHORT_BINBYTES
    [0x42, (from) => from.#take(from.#uint(4))], // BINBYTES
    [0x8e, (from) => from.#take(from.#uint(8))], // BINBYTES8
    [0x96, (from) => from.#take(from.#uint(8))], // BYTEARRAY8
    [0x5d, () => []], // EMPTY_LIST
    [0x8f, () => []], // EMPTY_SET
    [0x6c, (from) => from.#popToMark()], // LIST
    [0x91, (from) => from.#popToMark()], // FROZENSET
    [0x29, () => new Tuple([])], // EMPTY_TUPLE
    [0x74, (from) => new Tuple(from.#popToMark())], // TUPLE
    [0x85, (from) => from.#tuple(1)], // TUPLE1
    [0x86, (from) => from.#tuple(2)], // TUPLE2
    [0x87, (from) => from.#tuple(3)], // TUPLE3
    [0x7d, () => new Map()], // EMPTY_DICT
    [0x64, (from) => from.#fill(new Map(), from.#popToMark())], // DICT
    [0x63, (from) => from.#global(from.#line(), from.#line())], // GLOBAL
    [0x93, (from) => from.#stackGlobal()], // STACK_GLOBAL
    [0x69, (from) => from.#call(from.#global(from.#line(), from.#line()), new Tuple(from.#popToMark()))], // INST
    [0x6f, (from) => from.#object()], // OBJ
    // EXT1 to EXT4: classes by numbers of the writer's registry
    [0x82, (from) => new Placeholder(`extension ${from.#uint(1)}`)],
    [0x83, (from) => new Placeholder(`extension ${from.#uint(2)}`)],
    [0x84, (from) => new Placeholder(`extension ${from.#uint(4)}`)],
    [0x52, (from) => from.#reduce()], // REDUCE
    [0x81, (from) => from.#reduce()], // NEWOBJ
    [0x92, (from) => from.#reduceNamed()], // NEWOBJ_EX: arguments by position, then by name
    [0x97, () => new Placeholder("a buffer outside of the file")], // NEXT_BUFFER: bytes kept outside of the pickle
    [0x50, (from) => from.#options.persistent(from.#line())], // PERSID
    [0x51, (from) => from.#options.persistent(from.#pop())], // BINPERSID
    [0x32, (from) => from.#top()], // DUP
    [0x67, (from) => from.#recall(from.#intLine())], // GET
    [0x68, (from) => from.#recall(from.#uint(1))], // BINGET
    [0x6a, (from) => from.#recall(from.#uint(4))], // LONG_BINGET
  ]);

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
      const produce = Unpickler.#produced.get(opcode);
      if (produce === undefined) {
        this.#change(opcode);
        continue;
      }
      const value = produce(this);
      this.#stack.push(value);
      if (typeof value === "object" && value !== null && ++this.#objectCount > MOST_OBJECTS)
        throw this.#tooMuch(`more than ${counted(MOST_OBJECTS, "object")}`);
    }
  }

  #tuple(length: number): Tuple {
    return new Tuple(Array.from({ length }, () => this.#pop()).reverse());
  }

  #stackGlobal(): Global | Placeholder {
    const name = this.#pop();
    return this.#global(this.#pop(), name);
  }

  #object(): unknown {
    const [made, ...args] = this.#popToMark();
    return this.#call(made, new Tuple(args));
  }

  #reduce(): unknown {
    const args = this.#pop();
    return this.#call(this.#pop(), args);
  }

  #reduceNamed(): unknown {
    const named = this.#pop();
    const made = this.#reduce();
    if (made instanceof Placeholder) made.parts.push(named);
    return made;
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
        // BUILD gives an object attributes: those of dictionaries are passed over; to a tensor it would give other elements
        const state = this.#pop();
        const object = this.#top();
        if (object instanceof Placeholder) object.parts.push(state);
        else if (!(object instanceof Map)) throw this.#fault("a state for what has none", "plain values");
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
    // a placeholder makes placeholders of the same name
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

  /** @returns the position of the next `length` bytes, and skips them */
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
