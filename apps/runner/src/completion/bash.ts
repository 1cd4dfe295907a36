import type { CompletedVerb, Taken } from "./tree.ts";

/** The script for bash 4.4 and newer; it needs no other. */
export function bashScript(verbs: readonly CompletedVerb[]): string {
  const paths = verbs.flatMap(({ path }) => (path === "" ? [] : [`"${path}"`]));
  const values = verbs.flatMap(({ path, options }) =>
    options.flatMap(({ names, takes }) =>
      takes === undefined
        ? []
        : [`    ${names.map((name) => `"${path}:${name}"`).join("|")}) ${offered(takes)}; return ;;`],
    ),
  );
  const flags = verbs.map(
    ({ path, options }) => `      "${path}") words="${options.flatMap(({ names }) => names).join(" ")}" ;;`,
  );
  const rest = verbs.map(({ path, verbs: inner, takes }) => {
    const words = [...inner.map(({ name }) => name), ...takes.words];
    return `    "${path}") ${offered({ ...takes, words })} ;;`;
  });
  return `# completion of phew for bash: eval "$(phew completion bash)"
_phew_offer() {
  local found named=""
  # bash gives method=ph as three words, and takes the last one alone
  [[ -n $name && " $1" == *" $name"* ]] && named=$name
  while IFS= read -r found; do
    COMPREPLY+=("\${found#"$named"}")
    [[ $found == *= ]] && compopt -o nospace 2>/dev/null
  done < <(compgen -W "$1" -- "$named$cur")
  [[ -n $named ]] && return
  if [[ $2 == *run* ]]; then
    while IFS= read -r found; do COMPREPLY+=("$found"); done < <(
      for found in "\${PHEW_RUNS:-runs}"/*/*/config.json; do
        found=\${found%/config.json}
        [[ \${found##*/} == "$cur"* && -d $found ]] && echo "\${found##*/}"
      done
    )
  fi
  if [[ $2 == *file* ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r found; do COMPREPLY+=("$found"); done < <(compgen -f -- "$cur")
  fi
}

_phew() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} at="" word words="" k name=""
  COMPREPLY=()
  if [[ $cur == "=" ]]; then
    name=$prev= cur=""
  elif [[ $prev == "=" ]]; then
    name=\${COMP_WORDS[COMP_CWORD - 2]}=
  fi
  for ((k = 1; k < COMP_CWORD; k++)); do
    word="\${at:+$at }\${COMP_WORDS[k]}"
    case "$word" in
      ${paths.join("|")}) at=$word ;;
    esac
  done
  case "$at:$prev" in
${values.join("\n")}
  esac
  if [[ $cur == -* ]]; then
    case "$at" in
${flags.join("\n")}
    esac
    _phew_offer "$words" ""
    return
  fi
  case "$at" in
${rest.join("\n")}
  esac
}

complete -F _phew phew
`;
}

function offered({ words, isFile, isRun }: Taken): string {
  return `_phew_offer "${words.join(" ")}" "${[isRun && "run", isFile && "file"].filter(Boolean).join(" ")}"`;
}
