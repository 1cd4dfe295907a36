export { INPUT, type WalkLayer, type WalkLink, type WalkOptions, type WalkPlan } from "./walkPlan.ts";
