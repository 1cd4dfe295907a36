/**
 * The script of a job array. Each element runs the command of one task and waits for it; USR1, which Slurm sends before
 * the time limit, has the command make a checkpoint, and the element goes back into the queue.
 */
import type { SweepTask } from "./tasks.ts";

/** A word as a POSIX shell reads it back. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * Splits words as a shell does: by blanks, with quotes and backslashes.
 * @returns undefined for an unclosed quote
 */
export function shellWords(text: string): string[] | undefined {
  const words: string[] = [];
  const word = /\s*((?:[^\s"'\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+)/y;
  const trimmed = text.trimEnd();
  while (word.lastIndex < trimmed.length) {
    const match = word.exec(trimmed);
    if (match === null) return undefined;
    words.push(
      match[1]!.replace(
        /\\(.)|'([^']*)'|"((?:[^"\\]|\\.)*)"/g,
        (_, escaped, single, double) => escaped ?? single ?? (double as string).replace(/\\(["\\])/g, "$1"),
      ),
    );
  }
  return words;
}

/** @param logOf the file for a task's output */
export function slurmScript(tasks: readonly SweepTask[], logOf: (task: SweepTask) => string): string {
  const cases = tasks.map(
    (task, index) =>
      `${index}) log=${shellQuote(logOf(task))}; set -- ${task.command.map(shellQuote).join(" ")} ;;`,
  );
  return `#!/bin/bash
# made by phew sweep; its argument is the number of the array's first task
case $(($1 + SLURM_ARRAY_TASK_ID)) in
${cases.join("\n")}
*) echo "no such task" >&2; exit 2 ;;
esac

requeue=
# before the time limit
trap 'requeue=1; kill -TERM "$child" 2>/dev/null' USR1
# cancelled: Slurm has sent the command its signal
trap : TERM INT

"$@" >>"$log" 2>&1 &
child=$!
# a signal ends the wait, not the command
while :; do
  wait "$child"
  code=$?
  kill -0 "$child" 2>/dev/null || break
done
wait "$child" 2>/dev/null

if [ -n "$requeue" ] && [ "$code" -ne 0 ]; then
  echo "time limit: back into the queue" >>"$log"
  scontrol requeue "\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
`;
}
