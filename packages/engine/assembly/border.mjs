/**
 * Generates the border between the WebAssembly modules and TypeScript from the modules' sources. Of a module (a
 * folder here) it contains
 *   records:   its `@unmanaged` classes, which the host writes into memory: offset and type of each field;
 *   constants: its exported whole numbers, `export const NAME: u32 = 3`;
 *   enums:     its exported enums, `export enum Name { first, second }`, as objects;
 *   kernels:   its `@kernel` functions (a record, block: u32), by number;
 *   exports:   the exports of its index.ts.
 * The build writes src/border/MODULE.ts and, if there are kernels, assembly/MODULE/kernels.ts, which calls them by
 * number. The hash of all this goes into both the TypeScript and the module, so that a mismatch is detected.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("..", import.meta.url));

/** Bytes of a field. The compiler lays fields out in their order, each at a multiple of its size. */
const SIZES = { usize: 4, u32: 4, i32: 4, f32: 4, f64: 8 };
const VALUES = { usize: "u32", u32: "u32", i32: "i32", f32: "f32", f64: "f64" };
const WIDTH = 110;

/** The folders that are modules. */
export const BORDERS = ["walk", "paths", "layers", "probe"];

/**
 * @param texts the module's sources by file name
 * @returns its border, and the generated files by their path from the package's folder
 */
export function borderOf(module, texts = sourcesOf(module)) {
  const sources = Object.entries(texts).map(([file, text]) => ({
    file,
    name: file.slice(0, -".ts".length),
    text: withoutComments(text),
  }));
  const records = sources.flatMap(recordsOf);
  const kernels = sources.flatMap((source) => kernelsOf(source, records));
  const constants = sources.flatMap(constantsOf);
  const enums = sources.flatMap(enumsOf);
  const border = { records, kernels, constants, enums, exports: exportsOf(sources) };
  for (const [what, named] of Object.entries(border)) requireDistinct(module, what, named);
  const hash = createHash("sha256").update(JSON.stringify(border)).digest("hex").slice(0, 16);
  const files = { [`src/border/${module}.ts`]: typescript(module, border, hash) };
  if (kernels.length > 0) files[`assembly/${module}/kernels.ts`] = caller(module, border);
  return { module, ...border, hash, files };
}

/** As {@link borderOf}; writes the files that have changed. */
export function writeBorder(module) {
  const border = borderOf(module);
  for (const [file, text] of Object.entries(border.files))
    if (text !== textOf(file)) writeFileSync(folder + file, text);
  return border;
}

function sourcesOf(module) {
  const files = readdirSync(`${folder}assembly/${module}`)
    .filter((file) => file.endsWith(".ts") && file !== "kernels.ts")
    .sort();
  return Object.fromEntries(
    files.map((file) => [file, readFileSync(`${folder}assembly/${module}/${file}`, "utf8")]),
  );
}

function textOf(file) {
  try {
    return readFileSync(folder + file, "utf8");
  } catch {
    return undefined;
  }
}

function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*/g, "");
}

function requireDistinct(module, what, named) {
  const names = named.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) fail(`assembly/${module}: two ${what} are called ${twice}`);
}

const lowerFirst = (name) => name[0].toLowerCase() + name.slice(1);

function recordsOf({ file, name: source, text }) {
  return Array.from(text.matchAll(/@unmanaged\s+(?:export\s+)?class\s+(\w+)([^{]*)\{([^}]*)\}/g), (found) => {
    const [, name, rest, body] = found;
    if (rest.trim() !== "") fail(`${file}: "class ${name}${rest}{", expected a class of its own`);
    let end = 0;
    const fields = body.split(";").map((text) => text.trim());
    if (fields.pop() !== "") fail(`${file}: expected ";" behind the last field of ${name}`);
    return {
      name: lowerFirst(name),
      class: name,
      source,
      fields: fields.map((field) => {
        const [, fieldName, type] = /^(\w+): (\w+)$/.exec(field) ?? [];
        if (!(type in SIZES))
          fail(`${file}: ${name} has "${field}", expected "name: ${Object.keys(SIZES).join(" | ")}"`);
        const at = Math.ceil(end / SIZES[type]) * SIZES[type];
        end = at + SIZES[type];
        return { name: fieldName, at, type: VALUES[type] };
      }),
      bytes: end,
    };
  });
}

function kernelsOf({ name: source, text }, records) {
  return Array.from(text.matchAll(/^@kernel\s([^{]*)\{/gm), ([, head]) => {
    const [, name, type] = /^export function (\w+)\(\w+: (\w+), _?block: u32\): void $/.exec(head) ?? [];
    const record = records.find((record) => record.class === type);
    if (record === undefined)
      fail(`${source}.ts: a kernel "${head.trim()}", expected "export function name(op: Record, block: u32): void"`);
    return { name, source, record: record.name };
  });
}

function constantsOf({ text }) {
  const found = text.matchAll(/^export const (\w+): u32 = (0x[0-9a-f]+|\d+);/gm);
  return Array.from(found, ([, name, value]) => ({ name, value: Number(value) }));
}

/** Of enums whose members are numbered from 0. */
function enumsOf({ file, text }) {
  return Array.from(text.matchAll(/^export enum (\w+) \{([^}]*)\}/gm), ([, name, body]) => {
    const members = body.split(",").map((text) => text.trim());
    if (members.at(-1) === "") members.pop();
    const other = members.find((member) => !/^\w+$/.test(member));
    if (other !== undefined) fail(`${file}: ${name} has "${other}", expected a name alone`);
    return { name, members };
  });
}

/** Functions that index.ts exports; all numbers are JavaScript's. */
function exportsOf(sources) {
  const index = sources.find(({ name }) => name === "index");
  const lists = Array.from(index.text.matchAll(/export \{([^}]*)\} from "\.\/(\w+)"/g), ([, names, from]) => ({
    names: names.split(",").map((name) => name.trim()),
    text: sources.find(({ name }) => name === from).text,
  }));
  lists.push({ names: Array.from(index.text.matchAll(/export function (\w+)/g), ([, name]) => name), text: index.text });
  return lists.flatMap(({ names, text }) =>
    names
      .filter((name) => name !== "")
      .map((name) => {
        const [, list, result] =
          new RegExp(`^export function ${name}\\(([^)]*)\\): (\\w+)`, "m").exec(text) ??
          fail(`index.ts exports ${name}, expected a function`);
        const parameters = list.split(",").flatMap((parameter) => {
          const [, name, type] = /^\s*(\w+): (\w+)\s*$/.exec(parameter) ?? [];
          if (["u64", "i64"].includes(type)) fail(`${name} is a ${type}, expected a number of JavaScript`);
          return name === undefined ? [] : [{ name: name.replace(/_$/, ""), type }];
        });
        return { name, parameters, result };
      }),
  );
}

function fail(message) {
  throw new Error(message);
}

function typescript(module, { records, kernels, constants, enums, exports }, hash) {
  const lines = [
    `/** Made from assembly/${module} by the build (assembly/border.mjs): a change here is lost. */`,
    `export const hash = "${hash}";`,
    "",
  ];
  if (records.length > 0) {
    lines.push("export const records = {");
    for (const { name, fields, bytes } of records) {
      lines.push(`  ${name}: {`, `    bytes: ${bytes},`, "    fields: {");
      for (const { name, at, type } of fields) lines.push(`      ${name}: { at: ${at}, type: "${type}" },`);
      lines.push("    },", "  },");
    }
    lines.push("} as const;", "");
  }
  if (kernels.length > 0) {
    lines.push("/** The record that each kernel reads; a kernel's number is its place here. */");
    lines.push("export const kernels = {", ...kernels.map(({ name, record }) => `  ${name}: "${record}",`));
    lines.push("} as const;", "");
  }
  for (const { name, members } of enums) {
    lines.push(`export const ${name} = {`, ...members.map((member, k) => `  ${member}: ${k},`), "} as const;", "");
  }
  for (const { name, value } of constants) lines.push(`export const ${name} = ${value};`);
  if (constants.length > 0) lines.push("");
  lines.push("/** Addresses and counts are u32, which JavaScript gets as i32. */", "export interface Exports {");
  for (const { name, parameters, result } of exports) {
    const list = parameters.map(({ name }) => `${name}: number`);
    const type = result === "void" ? "void" : "number";
    const line = `  ${name}(${list.join(", ")}): ${type};`;
    if (line.length <= WIDTH) lines.push(line);
    else lines.push(`  ${name}(`, ...list.map((parameter) => `    ${parameter},`), `  ): ${type};`);
  }
  lines.push("}", "");
  return lines.join("\n");
}

function caller(module, { kernels, records }) {
  const classOf = new Map(records.map((record) => [record.name, record]));
  const imports = new Map();
  const take = (source, name) => imports.set(source, (imports.get(source) ?? new Set()).add(name));
  for (const { name, source, record } of kernels) {
    take(source, name);
    take(classOf.get(record).source, classOf.get(record).class);
  }
  return [
    `/** Made from the kernels in assembly/${module} by the build (assembly/border.mjs): a change here is lost. */`,
    ...Array.from(imports, ([source, names]) => `import { ${[...names].join(", ")} } from "./${source}";`),
    "",
    "/** Carries out a kernel, by its number. */",
    "export function call(kernel: u32, record: usize, block: u32): void {",
    "  switch (kernel) {",
    ...kernels.map(
      ({ name, record }, number) =>
        `    case ${number}: return ${name}(changetype<${classOf.get(record).class}>(record), block);`,
    ),
    "    default: unreachable();",
    "  }",
    "}",
    "",
  ].join("\n");
}
