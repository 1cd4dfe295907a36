import type { CompletedVerb, Taken } from "./tree.ts";

/** The script for fish 3 and newer. */
export function fishScript(verbs: readonly CompletedVerb[]): string {
  const lines = verbs.flatMap(({ path, verbs: inner, options, takes }) => {
    const at = `complete -c phew -n '__phew_at "${path}"'`;
    return [
      ...inner.map(({ name, help }) => `${at} -f -a ${name} -d ${quoted(help)}`),
      ...options.map(({ names: [long = "", short], help, takes: value }) => {
        const letter = short === undefined ? "" : ` -s ${short.slice(1)}`;
        return `${at} -l ${long.slice(2)}${letter}${value === undefined ? "" : taking(value)} -d ${quoted(help)}`;
      }),
      ...(takes.words.length > 0 ? [`${at} -a ${quoted(takes.words.join(" "))}`] : []),
      ...(takes.isRun ? [`${at} -a '(__phew_runs)'`] : []),
      ...(takes.isFile ? [`${at} -F`] : []),
    ];
  });
  const paths = verbs.flatMap(({ path }) => (path === "" ? [] : [quoted(path)]));
  return `# completion of phew for fish: phew completion fish | source
function __phew_at
    set -l at ""
    for word in (commandline -opc)[2..]
        set -l next (string trim "$at $word")
        contains -- $next ${paths.join(" ")}
        and set at $next
    end
    test "$at" = "$argv[1]"
end

function __phew_runs
    set -l root runs
    test -n "$PHEW_RUNS"
    and set root $PHEW_RUNS
    for file in $root/*/*/config.json
        basename (dirname $file)
    end
end

complete -c phew -f
${lines.join("\n")}
`;
}

function taking({ words, isFile, isRun }: Taken): string {
  const all = [...words, ...(isRun ? ["(__phew_runs)"] : [])].join(" ");
  return ` -r${isFile ? " -F" : " -f"}${all === "" ? "" : ` -a ${quoted(all)}`}`;
}

const quoted = (text: string) =>
  `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", " ")}'`;
