/** Writes records into memory, field by field, as the classes in assembly lay them out. */

export interface RecordLayout {
  /** From one record of an array to the next. */
  readonly bytes: number;
  readonly fields: Readonly<
    Record<string, { readonly at: number; readonly type: "u32" | "i32" | "f32" | "f64" }>
  >;
}

export type FieldsOf<Layout extends RecordLayout> = Readonly<Record<keyof Layout["fields"], number>>;

/** Fields that are left out are 0. */
export function writeRecord<Layout extends RecordLayout>(
  view: DataView,
  address: number,
  layout: Layout,
  values: Partial<FieldsOf<Layout>>,
): void {
  const { fields } = layout;
  for (const field in fields) {
    const { at, type } = fields[field]!;
    const value = (values as Readonly<Record<string, number | undefined>>)[field] ?? 0;
    if (type === "f32") view.setFloat32(address + at, value, true);
    else if (type === "f64") view.setFloat64(address + at, value, true);
    else view.setUint32(address + at, value, true);
  }
}

/** Records one after another. @param layout of fields of four bytes */
export function recordArray<Layout extends RecordLayout>(
  layout: Layout,
  records: readonly Partial<FieldsOf<Layout>>[],
): Uint32Array {
  const words = new Uint32Array((layout.bytes * records.length) / 4);
  const view = new DataView(words.buffer);
  for (const [index, values] of records.entries()) writeRecord(view, index * layout.bytes, layout, values);
  return words;
}
