/** What a failure is called: true, in one line, and with what to do. */
import { constants } from "node:os";
import { ArgumentError, describeFailure } from "@phew/runs";
import { describe, expect, it } from "vitest";

function systemError(code: string, path?: string): Error {
  return Object.assign(new Error(`${code}: something, open '${path}'`), { code, path, syscall: "open" });
}

describe("an error of the system", () => {
  it.each([
    ["EROFS", /read-only file system/],
    ["ENOENT", /no such file or folder/],
    ["EACCES", /not allowed/],
    ["EPERM", /not allowed/],
    ["ENOSPC", /disk is full/],
    ["EDQUOT", /share of the disk/],
    ["EFBIG", /larger than files may be/],
    ["EISDIR", /a folder, expected a file/],
    ["ENOTDIR", /is a file, not a folder/],
    ["ELOOP", /links that lead in a circle/],
    ["ENAMETOOLONG", /longer than the file system allows/],
    ["EIO", /disk or its connection/],
    ["ETXTBSY", /in use by another program/],
  ])("%s is named as what it is, with its path", (code, message) => {
    const text = describeFailure(systemError(code, "/a/b")).message;
    expect(text).toMatch(message);
    expect(text).toMatch(/^\/a\/b: /);
    expect(Object.keys(constants.errno)).toContain(code);
  });

  it.each(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"])("%s is not blamed on a path", (code) =>
    expect(describeFailure(systemError(code, "/a/b")).message).not.toContain("/a/b"),
  );

  it("a path that holds control sequences is shown, not obeyed", () =>
    expect(describeFailure(systemError("ENOENT", "/a\u001b[2J\nb")).message).toBe(
      "/a\\u001b[2J\\nb: no such file or folder. Check the path.",
    ));
});

it("errors of arguments speak for themselves, also where they explain another", () => {
  const error = new ArgumentError("density", { given: "5", expected: "at most 1" }, new RangeError("inner"));
  expect(describeFailure(error)).toEqual({ message: "density: got 5, expected at most 1.", exitCode: 1 });
});

it("an error of several lines keeps its own breaks, and none that a name in it brought", () => {
  const error = Object.assign(new Error("x"), {
    lines: ["m.onnx: two nodes:", "a\nb (Mul)", "c\u001b[2J (Add)"],
  });
  expect(describeFailure(error).message).toBe("m.onnx: two nodes:\n  a\\nb (Mul)\n  c\\u001b[2J (Add)");
});

it.each([undefined, null, 7, "text", Symbol("s"), {}, [], new Error(""), Object.create(null)])(
  "whatever is thrown has one line: %s",
  (thrown) => {
    const { message, exitCode } = describeFailure(thrown);
    expect(message).toMatch(/^.+$/);
    expect(exitCode).toBe(1);
  },
);

it("a failed allocation is reported as such", () =>
  expect(describeFailure(new RangeError("Array buffer allocation failed")).message).toMatch(
    /^not enough memory: .*smaller model/,
  ));
