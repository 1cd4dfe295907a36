// Writes src/methods.ts from the registry of methods: neither reports nor the screen, which show their colours and their
// order, load a pruner.
import { readFileSync, writeFileSync } from "node:fs";
import { pruners } from "@phew/core";

const file = new URL("src/methods.ts", import.meta.url);
// quoted where the formatter quotes it
const key = (name) => (/^\w+$/.test(name) ? name : `"${name}"`);
const text = `/** Written by methods.mjs at build: what the methods of packages/core/src/pruners say of themselves. */
export const METHOD_COLOURS: Readonly<Record<string, string>> = {
${[...pruners.values()].map(({ name, colour }) => `  ${key(name)}: "${colour}",\n`).join("")}};
`;
if (text !== textNow()) writeFileSync(file, text);

function textNow() {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
