/** Names, filters, tags, notes and removal of runs. */
export { type FolderSize, folderSize, removeRun, requireRemovable } from "./removeRun.ts";
export {
  type FieldValue,
  fieldsOf,
  type KeptRun,
  keptRun,
  RUN_FIELDS,
  type RunField,
  type RunFieldTable,
} from "./runFields.ts";
export { isFilter, parseFilters, type RunFilter, sortRuns, usableFilters } from "./runFilter.ts";
export { namer, namesIn, runNamed } from "./runNamed.ts";
export {
  addNote,
  changeTags,
  clearNotes,
  NOTES_FILE,
  type RunNote,
  type RunNotes,
  readNotes,
} from "./runNotes.ts";
