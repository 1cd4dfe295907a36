/** Module hooks: packages of the workspace come from their sources, and types are taken away, once for each text. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const KEPT = new URL("../node_modules/.cache/phew-sources/", import.meta.url);

export function resolve(specifier, context, next) {
  return next(specifier, { ...context, conditions: [...context.conditions, "source"] });
}

export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  const text = await readFile(fileURLToPath(url), "utf8");
  return { format: "module", source: await withoutTypes(text), shortCircuit: true };
}

async function withoutTypes(text) {
  const file = new URL(`${createHash("sha256").update(text).digest("hex")}.js`, KEPT);
  const kept = await readFile(file, "utf8").catch(() => undefined);
  if (kept !== undefined) return kept;
  const { transform } = await import("rolldown/utils");
  const { code, errors } = await transform("module.ts", text, {
    target: "es2022",
    typescript: { onlyRemoveTypeImports: true },
  });
  if (errors.length > 0) throw errors[0];
  // threads side by side write the same bytes; none reads half of them
  const written = new URL(`${file.href}.${process.pid}.${Math.trunc(performance.now() * 1e6)}`);
  await mkdir(KEPT, { recursive: true });
  await writeFile(written, code);
  await rename(written, file);
  return code;
}
