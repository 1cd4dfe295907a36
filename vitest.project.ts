import { defineConfig, type ViteUserConfig } from "vitest/config";
import { isLong } from "./vitest.long.ts";

/**
 * Tests run on the TypeScript sources of all packages (condition "source"), never on a stale build.
 * @param isBuilt tests of the whole command, which load it and all packages as they were built, as Node loads them
 */
export function workspaceProject(name: string, isBuilt = false): ViteUserConfig {
  // what hangs is ended, what is slow is not; the long tests (npm run test:long) take minutes each
  const testTimeout = isLong ? 3_600_000 : 300_000;
  const source = ["source", "node", "import", "module", "default"];
  const test = { name, include: ["test/**/*.test.{ts,tsx}"], testTimeout, hookTimeout: testTimeout };
  if (isBuilt) return defineConfig({ test: { ...test, server: { deps: { external: [/\/dist\//] } } } });
  return defineConfig({
    resolve: { conditions: source },
    ssr: { resolve: { conditions: source, externalConditions: ["source"] } },
    test,
  });
}
