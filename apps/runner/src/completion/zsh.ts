import type { CompletedVerb, Taken } from "./tree.ts";

/** The script for zsh: sourced, or as a file \`_phew\` of a folder in fpath. */
export function zshScript(verbs: readonly CompletedVerb[]): string {
  const paths = verbs.flatMap(({ path }) => (path === "" ? [] : [`"${path}"`]));
  const values = verbs.flatMap(({ path, options }) =>
    options.flatMap(({ names, takes }) =>
      takes === undefined
        ? []
        : [`    ${names.map((name) => `"${path}:${name}"`).join("|")}) ${offered(takes)}; return ;;`],
    ),
  );
  const flags = verbs.map(({ path, options }) => {
    const choices = options.flatMap(({ names, help }) => names.map((name) => described(name, help)));
    return `      "${path}") choices=(${choices.join(" ")}) ;;`;
  });
  const rest = verbs.map(({ path, verbs: inner, takes }) => {
    const choices = inner.map(({ name, help }) => described(name, help));
    return `    "${path}") choices=(${choices.join(" ")}); ${offered(takes)} ;;`;
  });
  return `#compdef phew
# completion of phew for zsh: source <(phew completion zsh)
_phew_offer() {
  local -a found
  (( $#choices )) && _describe verb choices
  found=(\${\${=1}:#*=})
  (( $#found )) && compadd -- $found
  found=(\${(M)\${=1}:#*=})
  (( $#found )) && compadd -S "" -- $found
  if [[ $2 == *run* ]]; then
    found=(\${PHEW_RUNS:-runs}/*/*/config.json(N:h:t))
    (( $#found )) && compadd -- $found
  fi
  [[ $2 == *file* ]] && _files
  return 0
}

_phew() {
  local at="" word k
  local -a choices
  for ((k = 2; k < CURRENT; k++)); do
    word="\${at:+$at }\${words[k]}"
    case "$word" in
      ${paths.join("|")}) at=$word ;;
    esac
  done
  case "$at:\${words[CURRENT-1]}" in
${values.join("\n")}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    case "$at" in
${flags.join("\n")}
    esac
    _describe option choices
    return
  fi
  case "$at" in
${rest.join("\n")}
  esac
}

if [[ $funcstack[1] == _phew ]]; then _phew "$@"; else compdef _phew phew; fi
`;
}

function offered({ words, isFile, isRun }: Taken): string {
  return `_phew_offer "${words.join(" ")}" "${[isRun && "run", isFile && "file"].filter(Boolean).join(" ")}"`;
}

const described = (name: string, help: string) =>
  `'${name.replaceAll(":", "\\:")}:${help.replaceAll("'", "'\\''").replaceAll("\n", " ")}'`;
