/** Ctrl-C ends long work cleanly: exit code 130, one line, no file. */
import { spawn } from "node:child_process";
import path from "node:path";
import { expect, it } from "vitest";
import { bin, filesBelow, scratchFolder } from "./phew.ts";

it("phew prune, interrupted on its way to a density it needs long for", async () => {
  const folder = scratchFolder();
  const args = ["prune", "vgg19-bn", "--density", "0.98", "--out", path.join(folder, "masks.safetensors")];
  const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  let isSent = false;
  // the first line of progress tells that it walks; a second signal would end it at once
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
    if (isSent || !stderr.includes("walks")) return;
    isSent = child.kill("SIGINT");
  });
  const exitCode = await new Promise((resolve) => child.on("exit", resolve));
  expect(exitCode, stderr).toBe(130);
  expect(stderr.trim().split("\n").at(-1)).toBe("phew: stopped");
  expect(filesBelow(folder)).toEqual([]);
});
