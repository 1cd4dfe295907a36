import { fileURLToPath } from "node:url";
import { mergeConfig } from "vitest/config";
import { workspaceProject } from "../../vitest.project.ts";

const threads = fileURLToPath(new URL("../../scripts/typescriptThreads.mjs", import.meta.url));

export default mergeConfig(workspaceProject("training"), { test: { execArgv: ["--import", threads] } });
