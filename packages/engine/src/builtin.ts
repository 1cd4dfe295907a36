/** A module of Node, without an import that browsers or bundlers would fail on; undefined elsewhere. */
export function builtin<Module>(id: string): Module | undefined {
  const { process } = globalThis as unknown as {
    process?: { getBuiltinModule?(id: string): Module | undefined };
  };
  return process?.getBuiltinModule?.(id);
}
