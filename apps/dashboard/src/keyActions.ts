/** What a key press does in a state, and the hints of the bottom line. */
import type { DashboardAction } from "./actions.ts";
import type { DashboardState } from "./dashboardState.ts";
import { KEY_BINDINGS, type KeyPress, QUIT_ANSWERS, VIEW_KEYS } from "./keys.ts";
import { sweepAtHand, sweepChoices } from "./sweepAnswers.ts";

const CURSOR_MOVES: Readonly<Record<string, number>> = { left: -1, right: 1 };

/** The action of a key in this state; undefined: none. */
export function actionOf(state: DashboardState, press: KeyPress): DashboardAction | undefined {
  if (state.filtering) return filterAction(state, press);
  if (state.prompt) return promptAction(state.prompt, press);
  if (state.asking) return QUIT_ANSWERS.find(({ keys }) => keys.includes(press.name))?.action;
  if (state.askingSweep) return sweepAction(state, press);
  // where there is a cursor to be moved, arrows move it; h and l go on to choose views
  if (state.focus === "curves" && state.curveStep !== undefined && !state.help && press.name in CURSOR_MOVES)
    return { kind: "cursorMoved", by: CURSOR_MOVES[press.name]! };
  const binding = KEY_BINDINGS.find((candidate) => candidate.keys.includes(press.name));
  if (!state.help || !binding) return binding?.action;
  // under the help only the keys that end something work, and those that move
  if (binding.action.kind === "moved") return { kind: "helpTurned", by: binding.action.by < 0 ? -1 : 1 };
  return ["helpToggled", "closed", "quit"].includes(binding.action.kind)
    ? binding.action
    : { kind: "helpToggled" };
}

/** The hints of the bottom line, the ones for this state first. */
export function hintsOf(state: DashboardState): { readonly key: string; readonly word: string }[] {
  if (state.filtering) {
    return [
      { key: "Enter", word: "keep" },
      { key: "Esc", word: "all runs" },
    ];
  }
  if (state.prompt) {
    return [
      { key: "Enter", word: PROMPT_WORDS[state.prompt.kind] },
      { key: "Esc", word: "back" },
    ];
  }
  if (state.askingSweep) return [...choicesAtHand(state).map(({ key, hint }) => ({ key, word: hint })), BACK];
  if (state.asking) return QUIT_ANSWERS.map(({ shown, hint }) => ({ key: shown, word: hint! }));
  if (state.help) {
    return [
      { key: "Esc", word: "close" },
      { key: "q", word: "quit" },
    ];
  }
  const { curveStep, curveRange, search, filter, zoomed } = state;
  const isBack = zoomed || filter !== "" || search !== "" || curveStep !== undefined || curveRange;
  const back = [
    ...(isBack ? [{ key: "Esc", word: "back" }] : []),
    ...(curveStep !== undefined && state.focus === "curves"
      ? [
          { key: "←→", word: "cursor" },
          { key: "+-", word: "zoom" },
          { key: ":", word: "to a step" },
        ]
      : []),
    ...(isSearched(state) ? [{ key: "/", word: "search" }] : []),
    ...(search === "" ? [] : [{ key: "nN", word: "next, previous" }]),
  ];
  const hints = KEY_BINDINGS.flatMap(({ hint, shown, action }) =>
    hint === undefined ||
    (action.kind === "opened" && zoomed) ||
    (action.kind === "filterStarted" && isSearched(state))
      ? []
      : [{ key: shown, word: hint }],
  );
  return [...back, { key: "↑↓", word: "move" }, { key: VIEW_KEYS, word: "view" }, ...hints];
}

const BACK = { key: "Esc", word: "back" };

function choicesAtHand(state: DashboardState) {
  const sweep = sweepAtHand(state);
  return sweep ? sweepChoices(state, sweep) : [];
}

function sweepAction(state: DashboardState, { name }: KeyPress): DashboardAction | undefined {
  if (["escape", "q", "ctrl+c"].includes(name)) return { kind: "closed" };
  const choice = choicesAtHand(state).find(({ key }) => key === name);
  return choice && { kind: "sweepAnswered", answer: choice.answer };
}

const isSearched = ({ focus }: DashboardState) => focus === "log" || focus === "output";

const PROMPT_WORDS = { search: "search", jump: "go there" } as const;

function promptAction(
  { kind, text }: NonNullable<DashboardState["prompt"]>,
  press: KeyPress,
): DashboardAction | undefined {
  switch (press.name) {
    case "enter":
      return { kind: "promptEnded" };
    case "escape":
      return { kind: "closed" };
    case "backspace":
      return text === "" ? { kind: "closed" } : { kind: "promptErased" };
    case "ctrl+c":
      return { kind: "quit" };
    default:
      if (press.text === undefined || (kind === "jump" && !/^\d+$/.test(press.text))) return undefined;
      return { kind: "promptTyped", text: press.text };
  }
}

function filterAction(state: DashboardState, { name, text }: KeyPress): DashboardAction | undefined {
  switch (name) {
    case "enter":
      return { kind: "filterEnded" };
    case "escape":
      return { kind: "closed" };
    case "backspace":
      return state.filter === "" ? { kind: "filterEnded" } : { kind: "filterErased" };
    case "ctrl+c":
      return { kind: "quit" };
    case "up":
      return { kind: "moved", by: -1 };
    case "down":
      return { kind: "moved", by: 1 };
    default:
      return text === undefined ? undefined : { kind: "filterTyped", text };
  }
}
