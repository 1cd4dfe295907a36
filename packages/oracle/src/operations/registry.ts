/** All operations: what a file of this folder exports is one. */
import * as arranging from "./arranging.ts";
import * as attention from "./attention.ts";
import * as combining from "./combining.ts";
import * as elementwise from "./elementwise.ts";
import * as normalisation from "./normalisation.ts";
import type { OracleOperation } from "./operation.ts";
import * as pooling from "./pooling.ts";
import * as recurrent from "./recurrent.ts";
import * as weighted from "./weighted.ts";

const operations = {
  ...arranging,
  ...attention,
  ...combining,
  ...elementwise,
  ...normalisation,
  ...pooling,
  ...recurrent,
  ...weighted,
};

type Registered = (typeof operations)[keyof typeof operations];
/** Any operation, discriminated by `kind`. */
export type OracleOp = Registered extends infer D
  ? D extends OracleOperation<infer Op>
    ? Op
    : never
  : never;

export function operationOf(op: OracleOp): OracleOperation<OracleOp> {
  return operations[op.kind] as unknown as OracleOperation<OracleOp>;
}
