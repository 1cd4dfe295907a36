// Puts the compiled command, and the packages it uses, into few files in dist/bundle, each loaded when a verb needs it: Node took longer
// to find and to open hundreds of small files than most verbs take to work. bin/phew.js loads these, and so do the threads and
// processes that it starts; tests load the small files. Without a bundle phew works, and starts slower.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const dist = fileURLToPath(new URL("dist/", import.meta.url));
const folder = path.join(dist, "bundle");

/** What is started by the name of its file: the command, and what its threads and processes run. */
const input = {
  main: path.join(dist, "main.js"),
  trainWorker: path.join(dist, "train/trainWorker.js"),
  compareWorker: path.join(dist, "compare/compareWorker.js"),
  fillWorker: fileURLToPath(new URL("pipeline/fillWorker.js", import.meta.resolve("@phew/training"))),
};

const { output } = await build({
  input,
  platform: "node",
  // the screen is a bundle itself; the others are large, partly native or not installed: package.json names them for this bundle
  external: ["@phew/dashboard/watch", "vega", "vega-lite", "@resvg/resvg-js", /^@tensorflow\//],
  plugins: [{ name: "compiled-modules", load }],
  output: { dir: folder, format: "esm", chunkFileNames: "[name].js", sourcemap: true },
});
const written = new Set(output.map(({ fileName }) => fileName));
for (const name of readdirSync(folder)) if (!written.has(name)) rmSync(path.join(folder, name));

/** Compiled modules come with their maps, so that traces name the sources, and look for files where they lay before. */
function load(file) {
  const name = file.match(/[\\/](?:packages|apps|@phew)[\\/](\w+)[\\/]dist[\\/](.*)$/);
  if (name === null) return null;
  const code = readFileSync(file, "utf8");
  return { code: withOldPlaces(code, file, name[1], name[2]), map: readFileSync(`${file}.map`, "utf8") };
}

/** Replaces `import.meta.url` by what it was, but for programs that are bundled too: they lie beside the bundle. */
function withOldPlaces(code, file, member, inner) {
  const toProgram = /new URL\("(\.[^"]+\.js)", import\.meta\.url\)/g;
  const old =
    member === "runner"
      ? `"../${inner}", import.meta.url`
      : `"./${inner}", import.meta.resolve("@phew/${member}")`;
  const parts = code.split(toProgram);
  return parts
    .map((part, i) => {
      if (i % 2 === 0) return part.replaceAll("import.meta.url", `new URL(${old}).href`);
      const program = path.resolve(path.dirname(file), part);
      const entry = Object.keys(input).find((key) => input[key] === program);
      return entry === undefined
        ? `new URL("${part}", new URL(${old}))`
        : `new URL("./${entry}.js", import.meta.url)`;
    })
    .join("");
}
