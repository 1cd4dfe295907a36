import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Tests run on the TypeScript sources of all packages (condition "source"), never on a stale build. */
export function workspaceProject(name: string): ViteUserConfig {
  const conditions = ["source", "node", "import", "module", "default"];
  return defineConfig({
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: ["source"] } },
    test: { name, include: ["test/**/*.test.{ts,tsx}"], testTimeout: 60_000, hookTimeout: 60_000 },
  });
}
