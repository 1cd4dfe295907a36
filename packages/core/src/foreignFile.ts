/**
 * Recognises files of another kind than their name says, by their first bytes: such as downloads and clones leave
 * instead of a model or a data set. Works on bytes: core opens no files.
 */

import { ArgumentError } from "./errors.ts";
import { counted } from "./quantity.ts";

export interface ForeignFile {
  /** What the file is, to follow "got". */
  readonly kind: string;
  /** What to do; a whole sentence. */
  readonly remedy: string;
}

/** Bytes of a file that suffice to recognise it. */
const TELLING_BYTES = 512;

const DOWNLOAD = "Download the file itself: this is a site's reply in place of a file.";
const UNPACK = "Unpack it and name the file inside.";
const ERROR_IN_JSON =
  /^\{\s*"(error|errors|message|detail|details|status|statusCode|status_code|code|msg|success|title)"\s*:/i;

/** First bytes of other kinds of files, at byte 0 unless `at` is given. */
const MAGICS: readonly { at?: number; magic: string; kind: string; remedy: string }[] = [
  {
    magic: "\x89HDF",
    kind: "a Keras HDF5 file",
    remedy: "Convert it: tensorflowjs_converter --input_format keras model.h5 folder, or export ONNX.",
  },
  {
    at: 4,
    magic: "TFL3",
    kind: "a TensorFlow Lite file",
    remedy: "Export the original model as ONNX or for TensorFlow.js.",
  },
  {
    magic: "GGUF",
    kind: "a GGUF file of llama.cpp",
    remedy: "Export the original model as ONNX or safetensors.",
  },
  { magic: "\x1f\x8b", kind: "a gzip file", remedy: "Unpack it: gunzip, or tar xzf for a .tar.gz." },
  { magic: "BZh", kind: "a bzip2 file", remedy: "Unpack it: bunzip2, or tar xjf for a .tar.bz2." },
  { magic: "\xfd7zXZ\0", kind: "an xz file", remedy: "Unpack it: unxz, or tar xJf for a .tar.xz." },
  { magic: "\x28\xb5\x2f\xfd", kind: "a zstd file", remedy: "Unpack it: unzstd." },
  { magic: "7z\xbc\xaf\x27\x1c", kind: "a 7-Zip archive", remedy: UNPACK },
  { magic: "Rar!\x1a\x07", kind: "a RAR archive", remedy: UNPACK },
  { at: 257, magic: "ustar", kind: "a tar archive", remedy: "Unpack it: tar xf, and name the file inside." },
  { magic: "%PDF-", kind: "a PDF", remedy: DOWNLOAD },
  { magic: "\x89PNG\r\n", kind: "a PNG image", remedy: DOWNLOAD },
  { magic: "\xff\xd8\xff", kind: "a JPEG image", remedy: DOWNLOAD },
  { magic: "\x7fELF", kind: "a program", remedy: DOWNLOAD },
];

/**
 * Recognises what replaces a file that could not be fetched: a Git LFS pointer, an HTML or XML page, an error in
 * JSON. No file of numbers begins so.
 * @param first the file's first {@link TELLING_BYTES} bytes, or all it has
 */
export function downloadFault(first: Uint8Array): ForeignFile | undefined {
  const text = plain(first)
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart();
  if (/^version https?:\/\/(git-lfs|hawser)\./.test(text)) {
    const size = /^size (\d{1,16})$/m.exec(text)?.[1];
    return {
      kind: `a Git LFS pointer${size === undefined ? "" : ` to a file of ${counted(Number(size), "byte")}, which is not here`}`,
      remedy: "Fetch the file itself: git lfs pull in its repository, or download it from the site.",
    };
  }
  const isPage = text.startsWith("<");
  if (
    isPage &&
    /^(<\?xml[^>]*>\s*)?(<!--[\s\S]{0,300}?-->\s*)?<(!doctype\s+html|html|head|body|script|title)\b/i.test(
      text,
    )
  )
    return { kind: "an HTML page", remedy: DOWNLOAD };
  if (isPage && /^(<\?xml|<Error>)/.test(text))
    return { kind: `an XML page${said(/<Code>([^<]{1,60})/.exec(text)?.[1])}`, remedy: DOWNLOAD };
  if (ERROR_IN_JSON.test(text)) {
    const words = /"(?:error|message|detail|msg|title)"\s*:\s*"([^"\\]{1,100})"/i.exec(text)?.[1];
    return { kind: `an error message in JSON${said(words)}`, remedy: DOWNLOAD };
  }
  return undefined;
}

/**
 * Recognises a file that holds neither tensors nor a supported model, by its first bytes.
 * @param first the file's first {@link TELLING_BYTES} bytes, or all it has
 * @returns undefined if the file may be right
 */
export function foreignFile(first: Uint8Array): ForeignFile | undefined {
  const fault = downloadFault(first);
  if (fault !== undefined) return fault;
  const latin = plain(first);
  const found = MAGICS.find(({ at = 0, magic }) => latin.startsWith(magic, at));
  if (found !== undefined) return found;
  if (latin.startsWith("\xff\xfe") || latin.startsWith("\xfe\xff"))
    return { kind: "text in UTF-16", remedy: "Save it as UTF-8, or download the file itself." };
  return undefined;
}

/** Recognises plain text in place of numbers; undefined for JSON, which some models are. */
function foreignText(first: Uint8Array): ForeignFile | undefined {
  const latin = plain(first);
  if (/^[\s{[]/.test(latin) || !/^[\t\n\r\x20-\x7e]+$/.test(latin)) return undefined;
  const line = latin.trimEnd().split(/\r?\n/, 1)[0]!;
  return { kind: `text that begins "${line.slice(0, 60)}"`, remedy: DOWNLOAD };
}

/** @throws ArgumentError if a file that should hold `expected` is of another kind, or text */
export function requireOwnFile(path: string, first: Uint8Array, expected: string): void {
  const foreign = foreignFile(first) ?? foreignText(first);
  if (foreign === undefined) return;
  throw new ArgumentError(path, { given: foreign.kind, expected, remedy: foreign.remedy });
}

/** Each byte as the character with that code. */
function plain(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes.subarray(0, TELLING_BYTES)) text += String.fromCharCode(byte);
  return text;
}

const said = (words: string | undefined): string => (words === undefined ? "" : ` ("${words.trim()}")`);
