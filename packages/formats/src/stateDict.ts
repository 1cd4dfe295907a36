/** Which dictionary of a checkpoint is the model's state dict, and what else there was. */
import { ArgumentError, counted, shortened } from "@phew/core";
import { Placeholder, Tuple } from "./pickle.ts";
import { Window } from "./torchWindow.ts";

export interface StateDict {
  readonly named: ReadonlyMap<string, Window>;
  /** Its entries that are not plain tensors: name → what it is instead. */
  readonly others: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/** A checkpoint keeps the weights under one of these names. */
const STATE_NAMES = new Set([
  "state_dict",
  "model_state_dict",
  "model_state",
  "model",
  "module",
  "net",
  "network",
  "params",
  "weights",
]);
/** Other keys of checkpoints with tensors: used if there is nothing better. */
const SECOND_CHOICE =
  /(^|[._-])(optim\w*|(lr_?)?sched\w*|(grad_?)?scaler|ema|swa|averaged?|rng\w*|history|metrics?)([._-]|$)/i;
/** What DataParallel and torch.compile put before every name. */
const WRAPPER_PREFIXES = ["module.", "_orig_mod."];
const MAX_DEPTH = 4;

/** A dictionary that has named tensors in it. */
interface Candidate {
  readonly path: readonly string[];
  readonly dictionary: ReadonlyMap<unknown, unknown>;
  /** Tensors in it and in all below it. */
  readonly tensorCount: number;
  readonly ownCount: number;
  readonly children: ReadonlyMap<string, Candidate>;
}

/**
 * The named tensors of a state dict, or of the only state dict in a checkpoint.
 * @param root the content of the pickle
 * @throws ArgumentError if there is none, or several candidates
 */
export function stateDictOf(subject: string, root: unknown): StateDict {
  const whole = candidateAt(root, [], new Set());
  if (whole === undefined) throw withoutState(subject, root);
  const { path, dictionary } = chosen(subject, whole);
  const left: string[] = [];
  let level: unknown = root;
  for (const key of path) {
    for (const [other, value] of dictionaryOf(level)!) if (other !== key) left.push(entryText(other, value));
    level = dictionaryOf(level)!.get(key);
  }
  const named = new Map<string, Window>();
  const others = new Map<string, string>();
  for (const [name, value] of dictionary) {
    if (typeof name === "string" && value instanceof Window) named.set(name, value);
    else left.push(entryText(name, value));
    if (typeof name === "string" && !(value instanceof Window)) others.set(name, kindText(value));
  }
  const notes: string[] = [];
  const some = `${left.slice(0, 8).join(", ")}${left.length > 8 ? `, and ${left.length - 8} more` : ""}`;
  if (path.length > 0)
    notes.push(
      `Took "${shortened(path.join("."))}" of the checkpoint${left.length > 0 ? `; left out: ${some}` : ""}.`,
    );
  else if (left.length > 0) notes.push(`Left out what is no tensor: ${some}.`);
  return { named: withoutWrapperPrefixes(named, notes), others, notes };
}

/** A dictionary, or an object of a class derived from one, as the pickle filled it. */
function dictionaryOf(value: unknown): ReadonlyMap<unknown, unknown> | undefined {
  if (value instanceof Map) return value;
  return value instanceof Placeholder && value.items.size > 0 ? value.items : undefined;
}

/** @param seen each dictionary once, though a pickle may hold it under many names */
function candidateAt(value: unknown, path: readonly string[], seen: Set<unknown>): Candidate | undefined {
  const dictionary = dictionaryOf(value);
  if (dictionary === undefined || path.length > MAX_DEPTH || seen.has(dictionary)) return undefined;
  seen.add(dictionary);
  const children = new Map<string, Candidate>();
  let ownCount = 0;
  for (const [key, item] of dictionary) {
    if (typeof key !== "string") continue;
    if (item instanceof Window) ownCount++;
    const child = candidateAt(item, [...path, key], seen);
    if (child !== undefined) children.set(key, child);
  }
  let tensorCount = ownCount;
  for (const child of children.values()) tensorCount += child.tensorCount;
  return tensorCount === 0 ? undefined : { path, dictionary, tensorCount, ownCount, children };
}

/** Goes down by the names that checkpoints have for it, else to the only place where most tensors are. */
function chosen(subject: string, at: Candidate): Candidate {
  const children = [...at.children];
  const known = children.filter(([name]) => STATE_NAMES.has(name));
  const first = children.filter(([name]) => !SECOND_CHOICE.test(name));
  const choices = [known, first, children].find((list) => list.length > 0) ?? [];
  const isOwn = choices !== known && choices.every(([, child]) => at.ownCount >= child.tensorCount);
  if (choices.length === 0 || isOwn) return at;
  if (choices.length === 1) return chosen(subject, choices[0]![1]);
  const texts = choices.map(
    ([, { path, tensorCount }]) => `"${path.join(".")}" (${counted(tensorCount, "tensor")})`,
  );
  const key = choices[0]![1].path.map((name) => `[${JSON.stringify(shortened(name, 60))}]`).join("");
  throw new ArgumentError(subject, {
    given: `a checkpoint with ${choices.length} dictionaries of tensors: ${texts.slice(0, 10).join(", ")}${texts.length > 10 ? ", …" : ""}`,
    expected: "one state dict",
    remedy: `Save the one you mean by itself: torch.save(torch.load(path)${key}, "one.pt").`,
  });
}

function withoutState(subject: string, root: unknown): ArgumentError {
  const object = pickledObject(root);
  if (object !== undefined) {
    return new ArgumentError(subject, {
      given: object,
      expected: "tensors by name: opening the object needs its code, and no code out of files is run",
      remedy: "Save the state_dict alone: torch.save(model.state_dict(), path).",
    });
  }
  const entries = [...(dictionaryOf(root) ?? [])].slice(0, 8).map(([key, value]) => entryText(key, value));
  return new ArgumentError(subject, {
    given:
      entries.length > 0 ? `a dictionary without named tensors (${entries.join(", ")})` : "no dictionary",
    expected: `a state dict, or a checkpoint that holds one as ${[...STATE_NAMES].slice(0, 4).join(", ")} …`,
    remedy: "Save it with torch.save(model.state_dict(), path).",
  });
}

/** A model that was pickled whole, at the root or under one of the usual names. */
function pickledObject(root: unknown): string | undefined {
  if (root instanceof Placeholder && root.items.size === 0)
    return `an object of the class ${root.name}, pickled whole`;
  for (const [key, value] of dictionaryOf(root) ?? []) {
    const isModel =
      value instanceof Placeholder && (STATE_NAMES.has(String(keyText(key))) || isModule(value));
    if (isModel)
      return `a checkpoint whose "${keyText(key)}" is an object of the class ${value.name}, pickled whole`;
  }
  return undefined;
}

/** What torch.nn.Module keeps its parts in. */
const isModule = ({ parts }: Placeholder): boolean =>
  parts.some((part) => part instanceof Map && (part.has("_modules") || part.has("_parameters")));

/** A key of a dictionary, short: keys may be tuples and lists of any depth. */
const keyText = (key: unknown): string =>
  typeof key === "string" ? shortened(key, 60) : typeof key === "number" ? `${key}` : kindText(key);

function entryText(key: unknown, value: unknown): string {
  return value instanceof Placeholder ? `${keyText(key)} (${value.name})` : keyText(key);
}

function kindText(value: unknown): string {
  if (value instanceof Placeholder) return `${value.name}, which only its code could make`;
  if (value instanceof Map) return "a dictionary";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Tuple) return "a tuple";
  if (value === null) return "None";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
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
  named.size === 0
    ? undefined
    : WRAPPER_PREFIXES.find((prefix) =>
        [...named.keys()].every((name) => name.startsWith(prefix) && name !== prefix),
      );
