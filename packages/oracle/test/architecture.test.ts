/** What docs/architecture.md names is there. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const text = readFileSync(path.join(root, "docs/architecture.md"), "utf8");
const spans = [...text.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!);

it("names files and folders that are there", () => {
  const named = spans.filter((span) => /^(packages|apps|docs)\//.test(span));
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
});

it("names files by their last part that are in the same folder as one that it names whole, or at the root", () => {
  const folders = spans.flatMap((span) => {
    const found = path.join(root, span);
    if (!/^(packages|apps)\//.test(span) || !existsSync(found)) return [];
    return [statSync(found).isDirectory() ? found : path.dirname(found)];
  });
  const short = spans.filter(
    (span) => /^[\w/.]+\.(ts|tsx|mjs)$/.test(span) && !/^(packages|apps)\//.test(span),
  );
  const isThere = (name: string) =>
    [root, ...folders, path.join(root, "packages/engine")].some((folder) =>
      existsSync(path.join(folder, name)),
    );
  expect(short.filter((name) => !isThere(name))).toEqual([]);
});

it("has a line for every package, as README.md has", () => {
  const readme = readFileSync(path.join(root, "README.md"), "utf8");
  for (const top of ["packages", "apps"]) {
    for (const name of readdirSync(path.join(root, top)))
      for (const document of [text, readme]) expect(document).toContain(`| \`${top}/${name}\` |`);
  }
});

it("walks by names that are declared in the files beside them", () => {
  const steps = [...text.matchAll(/^\| `(\w+)` \| `([^`]+)` \|/gm)].map(([, name, file]) => ({
    name: name!,
    file: file!,
  }));
  expect(steps.length).toBeGreaterThan(25);
  for (const { name, file } of steps) {
    const declared = new RegExp(`^(export )?(async )?(function\\*?|const|class) ${name}\\b`, "m");
    expect(readFileSync(path.join(root, file), "utf8"), file).toMatch(declared);
  }
});

it("links to documents that are there", () => {
  const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, link]) => link!);
  expect(links.filter((link) => !existsSync(path.join(root, "docs", link)))).toEqual([]);
});
