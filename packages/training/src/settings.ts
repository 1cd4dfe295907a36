/** What settings of a training may be, without what carries it out: help and messages load no more. */
export { executorNames } from "./executors.ts";
export { type Optimiser, optimisers, type Setting as OptimiserSetting } from "./optimisers/registry.ts";
export { AUGMENTATION_TEXT } from "./pipeline/augmentation.ts";
export { ruleDefaults } from "./rules/chosen.ts";
export { budgets, drops, grows, rules, schedules } from "./rules/registry.ts";
