import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Tests run on the TypeScript sources of all packages (condition "source"), never on a stale build. */
export function workspaceProject(name: string): ViteUserConfig {
  // the long tests (npm run test:long) take minutes each
  const testTimeout = process.env.PHEW_TEST_LARGE ? 3_600_000 : 60_000;
  const conditions = ["source", "node", "import", "module", "default"];
  return defineConfig({
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: ["source"] } },
    test: { name, include: ["test/**/*.test.{ts,tsx}"], testTimeout, hookTimeout: testTimeout },
  });
}
