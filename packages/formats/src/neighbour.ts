/** Files that belong to another, which names them: a model's external data, the shards of an index. */
import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { ArgumentError, errorCode } from "@phew/core/messages";

/**
 * Resolves the name of a file that the file at `path` refers to. It must be below the folder of `path` or, if `path`
 * is a link (as in the cache of Hugging Face), below the folder of the link's target.
 * @param subject of errors
 * @returns the path without links
 * @throws ArgumentError if the name or a link leads elsewhere, or if no regular file is there
 */
export function neighbourPath(path: string, name: string, subject: string): string {
  const folder = dirname(resolve(path));
  // a file from another system may use the other separator
  const wanted = resolve(folder, name.replaceAll("\\", "/"));
  const leadsOut =
    name.includes("\0") || isAbsolute(name) || /^[A-Za-z]:/.test(name) || !isBelow(wanted, folder);
  if (leadsOut) throw refused(path, subject, `the name "${name}"`);
  let real: string;
  try {
    real = realpathSync(wanted);
  } catch (error) {
    throw missing(path, name, wanted, subject, error);
  }
  const folders = [realpathSync(folder), dirname(realpathSync(path))];
  if (!folders.some((own) => isBelow(real, own)))
    throw refused(path, subject, `"${name}", a link to ${real}`);
  if (statSync(real).isFile()) return real;
  throw new ArgumentError(subject, {
    given: `"${name}", which is no regular file`,
    expected: `a file beside ${basename(path)}`,
  });
}

function isBelow(inner: string, outer: string): boolean {
  const way = relative(outer, inner);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function refused(path: string, subject: string, given: string): ArgumentError {
  const real = realpathSync(path);
  const isLink = dirname(real) !== realpathSync(dirname(resolve(path)));
  return new ArgumentError(subject, {
    given,
    expected: `a file in the folder of ${basename(path)}${isLink ? `, or in ${dirname(real)}, where that links to` : ""}`,
    remedy: "A file may not have others read from elsewhere; put a copy beside it.",
  });
}

function missing(path: string, name: string, wanted: string, subject: string, error: unknown): ArgumentError {
  const code = errorCode(error);
  const isAbsent = code === "ENOENT" || code === "ENOTDIR";
  const target = linkTarget(wanted);
  const given = !isAbsent
    ? `"${name}", which cannot be read (${code ?? String(error)})`
    : target === undefined
      ? `no file "${name}"`
      : `"${name}", a link to ${target}, where no file is`;
  return new ArgumentError(subject, {
    given,
    expected: `the file that ${basename(path)} names, beside it`,
    remedy: "Copy or download it again.",
  });
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}
