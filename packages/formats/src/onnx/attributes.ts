/** The attributes of a node, with checks of their types. */
import { ArgumentError, counted } from "@phew/core";
import { type NodePart, readEmbeddedTensor, type TensorPart, text } from "./parts.ts";
import { ATTRIBUTE, type AttributeProto, wholeNumber } from "./schema.ts";

/** More values than any axis list or padding has. */
const MOST_VALUES = 65_536;

export class Attributes {
  readonly #node: NodePart;
  readonly #file: string;
  readonly #attributes = new Map<string, AttributeProto>();

  constructor(node: NodePart, file: string) {
    this.#node = node;
    this.#file = file;
    for (const attribute of node.attribute ?? []) {
      const name = attribute.name ?? "";
      if (this.#attributes.has(name)) throw this.#fault(name, "given twice", "once");
      if (attribute.refAttrName) throw this.#fault(name, "a reference to a function's attribute", "a value");
      this.#attributes.set(name, attribute);
    }
  }

  has(name: string): boolean {
    return this.#attributes.has(name);
  }

  /** @param read {@link boundNumber} where a number may say "to the end" */
  int(name: string, otherwise: number, read = wholeNumber): number {
    const attribute = this.#typed(name, ATTRIBUTE.int, "a whole number");
    return attribute === undefined ? otherwise : read(attribute.i ?? 0, this.#subject(name));
  }

  float(name: string, otherwise: number): number {
    const attribute = this.#typed(name, ATTRIBUTE.float, "a number");
    return attribute === undefined ? otherwise : shortest(attribute.f ?? 0);
  }

  text(name: string, otherwise: string): string {
    const attribute = this.#typed(name, ATTRIBUTE.string, "text");
    return attribute === undefined ? otherwise : text(attribute.s ?? new Uint8Array());
  }

  /** @param read as of {@link int} @returns undefined if it is absent */
  ints(name: string, read = wholeNumber): readonly number[] | undefined {
    const attribute = this.#typed(name, ATTRIBUTE.ints, "a list of whole numbers");
    const values = attribute && (attribute.ints ?? []);
    if (values !== undefined && values.length > MOST_VALUES) {
      throw this.#fault(name, counted(values.length, "value"), `at most ${MOST_VALUES}`);
    }
    return values?.map((value) => read(value, this.#subject(name)));
  }

  /** @returns undefined if it is absent */
  floats(name: string): readonly number[] | undefined {
    const attribute = this.#typed(name, ATTRIBUTE.floats, "a list of numbers");
    return attribute && (attribute.floats ?? []);
  }

  /** @returns undefined if it is absent */
  texts(name: string): readonly string[] | undefined {
    const attribute = this.#typed(name, ATTRIBUTE.strings, "a list of texts");
    return attribute && (attribute.strings ?? []).map(text);
  }

  /** @returns undefined if it is absent */
  tensor(name: string): TensorPart | undefined {
    const attribute = this.#typed(name, ATTRIBUTE.tensor, "a tensor");
    return attribute && readEmbeddedTensor(attribute.t ?? new Uint8Array(), this.#subject(name));
  }

  #typed(name: string, type: number, expected: string): AttributeProto | undefined {
    const attribute = this.#attributes.get(name);
    if (attribute === undefined) return undefined;
    // files of the first IR versions omit the type
    if (attribute.type !== undefined && attribute.type !== 0 && attribute.type !== type) {
      throw this.#fault(name, `type ${attribute.type}`, `${expected} (type ${type})`);
    }
    return attribute;
  }

  #subject(name: string): string {
    return `${this.#file}: node "${this.#node.title}", attribute ${name}`;
  }

  #fault(name: string, given: string, expected: string): ArgumentError {
    return new ArgumentError(this.#subject(name), { given, expected });
  }
}

/** The shortest decimal that is the same float32: 9.999999747378752e-6 was written as 1e-5. */
function shortest(value: number): number {
  if (!Number.isFinite(value) || Math.fround(value) !== value) return value;
  for (let digits = 1; digits < 9; digits++) {
    const decimal = Number(value.toPrecision(digits));
    if (Math.fround(decimal) === value) return decimal;
  }
  return value;
}
