/**
 * Prints how large each room is: lines, files, longest files and functions, functions of many parameters, circles of
 * imports; and what changed since another commit. Something to look at before a commit; nothing fails.
 *   node scripts/sizes.mjs [--against main] [--top 5]
 */
import { execFileSync } from "node:child_process";
import { posix } from "node:path";
import { parseArgs } from "node:util";
import { parseSync, Visitor } from "oxc-parser";

const { values: options } = parseArgs({
  options: { against: { type: "string", default: "main" }, top: { type: "string", default: "5" } },
});
const top = Number(options.top);
/** Functions of more lines, and of more parameters, are named whatever their rank. */
const MANY_LINES = 90;
const MANY_PARAMETERS = 9;

const git = (...args) => execFileSync("git", args, { encoding: "utf8", maxBuffer: 2 ** 28 });

/** Room of a source file; undefined: tests, scripts and what is no source. */
function roomOf(file) {
  const [, room, rest] =
    file.match(/^((?:packages|apps)\/[^/]+)\/(?:src|assembly)\/(.+)\.(?:tsx?|mjs)$/) ?? [];
  return rest === undefined ? undefined : room;
}

/** @returns source texts by file: of a commit, or of the work tree where none is given */
function sourcesOf(commit) {
  const list =
    commit === undefined
      ? git("ls-files", "-co", "--exclude-standard")
      : git("ls-tree", "-r", "--name-only", commit);
  const files = list.split("\n").filter((file) => roomOf(file) !== undefined);
  if (commit === undefined) {
    const { existsSync, readFileSync } = process.getBuiltinModule("node:fs");
    return new Map(
      files.filter((file) => existsSync(file)).map((file) => [file, readFileSync(file, "utf8")]),
    );
  }
  // one process for all: "<hash> blob <bytes>\n<content>\n" each
  const input = files.map((file) => `${commit}:${file}\n`).join("");
  const out = execFileSync("git", ["cat-file", "--batch"], { input, maxBuffer: 2 ** 28 });
  const sources = new Map();
  let at = 0;
  for (const file of files) {
    const end = out.indexOf(10, at);
    const length = Number(out.subarray(at, end).toString().split(" ")[2]);
    sources.set(file, out.subarray(end + 1, end + 1 + length).toString());
    at = end + 1 + length + 1;
  }
  return sources;
}

const lineCount = (text) => text.split("\n").length - 1;

/** Functions of a file with their lines and parameters, and the files it imports by a relative path. */
function partsOf(file, text) {
  const { program, module } = parseSync(file, text);
  const names = new Map();
  const named = (node, value = node) => {
    const name = node.id?.name ?? node.key?.name;
    if (name !== undefined && value) names.set(value.start, name);
  };
  const functions = [];
  // what a function is called stands around it, and is seen first
  const add = (node) => {
    functions.push({
      file,
      name: node.id?.name ?? names.get(node.start) ?? "(without a name)",
      lines: lineCount(text.slice(node.start, node.end)) + 1,
      parameters: node.params.length,
    });
  };
  new Visitor({
    MethodDefinition: (node) => named(node, node.value),
    VariableDeclarator: (node) => named(node, node.init),
    Property: (node) => named(node, node.value),
    PropertyDefinition: (node) => named(node, node.value),
    FunctionDeclaration: add,
    FunctionExpression: add,
    ArrowFunctionExpression: add,
  }).visit(program);
  const specifiers = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap((e) => (e.moduleRequest ? [e.moduleRequest.value] : [])),
    ),
    ...module.dynamicImports.map(({ moduleRequest: { start, end } }) => text.slice(start + 1, end - 1)),
  ];
  const imports = specifiers
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => posix.join(posix.dirname(file), specifier))
    // AssemblyScript names files without their ending
    .map((target) => (/\.\w+$/.test(target) ? target : `${target}.ts`));
  return { functions, imports };
}

/** Groups of files of which each leads to each other (Tarjan 1972), imports of types included. */
function circlesOf(graph) {
  const order = new Map();
  const low = new Map();
  const stack = [];
  const circles = [];
  const visit = (file) => {
    order.set(file, order.size);
    low.set(file, order.get(file));
    stack.push(file);
    for (const next of graph.get(file)) {
      if (!graph.has(next)) continue;
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file), low.get(next)));
    }
    if (low.get(file) !== order.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1) circles.push(group);
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return circles;
}

function sizesOf(sources) {
  const rooms = new Map();
  for (const [file, text] of sources) {
    const room = roomOf(file);
    if (!rooms.has(room)) rooms.set(room, { files: [], functions: [], graph: new Map() });
    const { functions, imports } = partsOf(file, text);
    const size = rooms.get(room);
    size.files.push({ file, lines: lineCount(text) });
    size.functions.push(...functions);
    size.graph.set(file, imports);
  }
  return rooms;
}

const sum = (values) => values.reduce((a, b) => a + b, 0);
const most = (items, key) => [...items].sort((a, b) => b[key] - a[key]);
const signed = (n) => (n === 0 ? "=" : n > 0 ? `+${n}` : `${n}`);
const linesOf = (size) => sum((size?.files ?? []).map(({ lines }) => lines));

const now = sizesOf(sourcesOf());
const before = sizesOf(sourcesOf(git("rev-parse", options.against).trim()));
const row = (cells) =>
  console.log(cells.map((cell, k) => (k === 0 ? cell.padEnd(20) : cell.padStart(10))).join(""));
row(["room", "lines", "change", "files", "change", "circles"]);
const rooms = [...new Set([...now.keys(), ...before.keys()])].sort();
for (const room of rooms) {
  const [size, old] = [now.get(room), before.get(room)];
  const circles = size ? circlesOf(size.graph).length : 0;
  const fileChange = (size?.files.length ?? 0) - (old?.files.length ?? 0);
  row([
    room,
    `${linesOf(size)}`,
    signed(linesOf(size) - linesOf(old)),
    `${size?.files.length ?? 0}`,
    signed(fileChange),
    `${circles}`,
  ]);
}
const total = (sizes) => sum([...sizes.values()].map(linesOf));
row(["all", `${total(now)}`, signed(total(now) - total(before)), "", "", ""]);

const show = (title, lines) => {
  if (lines.length > 0) console.log(`\n${title}\n${lines.map((line) => `  ${line}`).join("\n")}`);
};
const all = [...now.values()];
const functions = all.flatMap((size) => size.functions);
const inAssembly = ({ file }) => file.includes("/assembly/");
const place = (file, room) => file.slice(room.length + 1);
show(
  "of each room the longest file, the longest function and the most parameters",
  [...now].map(([room, size]) => {
    const [file] = most(size.files, "lines");
    const [longest] = most(size.functions, "lines");
    const [widest] = most(size.functions, "parameters");
    return `${room}: ${file.lines} ${place(file.file, room)}; ${longest.lines} ${longest.name}, ${place(longest.file, room)}; ${widest.parameters} ${widest.name}, ${place(widest.file, room)}`;
  }),
);
show(
  "longest files",
  most(
    all.flatMap((size) => size.files),
    "lines",
  )
    .slice(0, top)
    .map(({ file, lines }) => `${lines}  ${file}`),
);
const long = most(functions, "lines");
show(
  `longest functions, and all of more than ${MANY_LINES} lines`,
  long
    .filter(({ lines }, k) => k < top || lines > MANY_LINES)
    .map(({ file, name, lines }) => `${lines}  ${name}  ${file}`),
);
show(
  `functions of ${MANY_PARAMETERS} and more parameters outside AssemblyScript`,
  most(functions, "parameters")
    .filter((f) => f.parameters >= MANY_PARAMETERS && !inAssembly(f))
    .map(({ file, name, parameters }) => `${parameters}  ${name}  ${file}`),
);
show(
  "circles of imports, of types too",
  all
    .flatMap((size) => circlesOf(size.graph))
    .map((group) => `${group.length} files: ${group.slice(0, 6).join(", ")}${group.length > 6 ? ", …" : ""}`),
);
