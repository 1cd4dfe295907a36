/** Inlines a file's own functions, which some exporters write for each module. */
import { ArgumentError, counted } from "@phew/core";
import { type ModelParts, type NodePart, nodePart } from "./parts.ts";
import type { AttributeProto, FunctionProto, NodeProto } from "./schema.ts";

/** Calls may nest and branch; a damaged file must not make an unlimited graph. */
const DEEPEST = 64;
const MOST_NODES = 100_000;
/** Characters: names grow from call to call. */
const LONGEST_NAME = 1000;

/** @throws ArgumentError if functions call themselves or grow without bound */
export function inlineFunctions(parts: ModelParts): ModelParts {
  if (parts.functions.length === 0) return parts;
  const functions = new Map(parts.functions.map((f) => [key(f.domain, f.name, f.overload), f]));
  const nodes: NodePart[] = [];
  const waiting: { node: NodeProto; depth: number; own?: NodePart }[] = parts.nodes
    .map((node) => ({ node, depth: 0, own: node }))
    .reverse();
  let callCount = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, depth, own } = next;
    const definition = functions.get(key(node.domain, node.opType, node.overload));
    if (definition === undefined) {
      nodes.push(own === undefined ? nodePart(node, nodes.length) : { ...own, index: nodes.length });
    } else {
      const name = (node.name || definition.name || "").slice(0, LONGEST_NAME);
      const body = called(definition, node, `${name}#${callCount++}/`);
      // calls count too: an empty body makes no node, however often it is called
      if (depth === DEEPEST || callCount + waiting.length + nodes.length + body.length > MOST_NODES) {
        throw new ArgumentError(`${parts.source.name}: function "${definition.name}"`, {
          given: "calls that nest too deeply or too often",
          expected: `at most ${DEEPEST} deep and ${counted(MOST_NODES, "node")} and calls in all`,
          remedy: "Export the model with its functions inlined.",
        });
      }
      for (const inner of body.reverse()) waiting.push({ node: inner, depth: depth + 1 });
    }
  }
  return { ...parts, nodes };
}

/** The body of a function with the caller's values and attributes. */
function called(definition: FunctionProto, caller: NodeProto, prefix: string): NodeProto[] {
  const renamed = new Map<string, string>([["", ""]]);
  for (const [k, name] of (definition.input ?? []).entries()) renamed.set(name, caller.input?.[k] ?? "");
  for (const [k, name] of (definition.output ?? []).entries()) {
    const given = caller.output?.[k];
    if (given !== undefined && given !== "") renamed.set(name, given);
  }
  const attributes = new Map<string, AttributeProto>();
  for (const attribute of [...(definition.attributeProto ?? []), ...(caller.attribute ?? [])]) {
    attributes.set(attribute.name ?? "", attribute);
  }
  const inside = (name: string) => renamed.get(name) ?? `${prefix}${name}`;
  return (definition.node ?? []).map((node) => ({
    ...node,
    name: `${prefix}${node.name ?? node.opType ?? ""}`,
    input: (node.input ?? []).map(inside),
    output: (node.output ?? []).map(inside),
    attribute: (node.attribute ?? []).flatMap((attribute) => {
      if (!attribute.refAttrName) return [attribute];
      const given = attributes.get(attribute.refAttrName);
      return given === undefined ? [] : [{ ...given, name: attribute.name ?? "" }];
    }),
  }));
}

function key(domain: string | undefined, name: string | undefined, overload: string | undefined): string {
  return `${domain ?? ""}\n${name ?? ""}\n${overload ?? ""}`;
}
