/** A module of Node without an import, which a browser or a bundler would choke on; undefined elsewhere. */
export function builtin<Module>(id: string): Module | undefined {
  const { process } = globalThis as unknown as {
    process?: { getBuiltinModule?(id: string): Module | undefined };
  };
  return process?.getBuiltinModule?.(id);
}
