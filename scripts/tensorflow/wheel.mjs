/**
 * The addon compiled against the C library inside the wheel `tensorflow-cpu`, which pip fetches from the Python package
 * index or a mirror of it: for machines that do not reach Google's servers. The addon speaks TensorFlow's C interface and
 * Node-API, both of which stay as they are from version to version.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statfsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { runProgram } from "./program.mjs";

const WHEEL = "tensorflow-cpu==2.21.0";
/** Any version the wheel is made for: the C library inside is the same, and no Python runs it. */
const PYTHON_VERSION = "3.11";
/** Newest version of Node-API that tfjs-node knows, and looks for in the name of the addon's folder. */
const NODE_API = 8;
/** The wheel, what is taken out of it, and air. */
const BYTES_NEEDED = 2 * 2 ** 30;
const TIMEOUT_MS = 15 * 60_000;
const LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];

/** Takes the C headers, what they include, and the two libraries out of the wheel. */
const UNPACK = `
import sys, zipfile
wanted = tuple("tensorflow/include/" + name for name in (
    "tensorflow/c/", "tensorflow/core/platform/", "tensorflow/core/public/release_version",
    "tsl/", "xla/tsl/c", "external/local_"))
wheel = zipfile.ZipFile(sys.argv[1])
for name in wheel.namelist():
    if name.startswith(wanted) or name in sys.argv[3:]:
        wheel.extract(name, sys.argv[2])
`;

export const wheel = {
  name: "the C library of the tensorflow-cpu wheel",
  async build({ folder, signal, note }) {
    if (process.platform !== "linux")
      throw new Error(`the wheel's library fits Linux alone, not ${process.platform}`);
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < BYTES_NEEDED) {
      throw new Error(`the disk of ${folder} has ${gibibytes(bavail * bsize)} free, 2 GiB are needed`);
    }
    const common = { cwd: folder, timeoutMs: TIMEOUT_MS, signal };
    const python = (...args) => runProgram({ command: "python3", args, ...common });
    const compiler = await findCompiler(common);

    const fetched = join(folder, "wheel");
    note(`pip fetches ${WHEEL}, 260 MiB`);
    await python(
      ...["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"],
      ...["--only-binary=:all:", "--python-version", PYTHON_VERSION, "--dest", fetched, WHEEL],
    );
    note("the libraries are unpacked");
    const file = readdirSync(fetched).find((name) => name.endsWith(".whl"));
    if (file === undefined) throw new Error("pip ended without an error and without a wheel");
    const members = LIBRARIES.map((name) => `tensorflow/${name}`);
    await python("-c", UNPACK, join(fetched, file), fetched, ...members);
    moveLibraries(join(fetched, "tensorflow"), join(folder, "deps", "lib"));

    note("the addon is compiled");
    await compile(compiler, folder, common);
    rmSync(fetched, { recursive: true });
  },
};

async function findCompiler(common) {
  const candidates = [process.env.CXX ?? "", "g++", "clang++", "c++"].filter((name) => name !== "");
  for (const command of candidates) {
    try {
      await runProgram({ command, args: ["--version"], ...common });
      return command;
    } catch {
      common.signal?.throwIfAborted();
    }
  }
  throw new Error(`no C++ compiler: ${candidates.join(", ")} were looked for`);
}

function moveLibraries(from, to) {
  mkdirSync(to, { recursive: true });
  for (const name of LIBRARIES) renameSync(join(from, name), join(to, name));
}

async function compile(compiler, folder, common) {
  const output = join("lib", `napi-v${NODE_API}`);
  mkdirSync(join(folder, output), { recursive: true });
  const headers = dirname(
    createRequire(join(folder, "package.json")).resolve("node-api-headers/include/node_api.h"),
  );
  const args = [
    ...["-std=c++17", "-O2", "-fPIC", "-shared", `-DNAPI_VERSION=${NODE_API}`, "-DBUILDING_NODE_EXTENSION"],
    ...["-I", headers, "-I", ".", "-I", join("wheel", "tensorflow", "include")],
    ...["binding/tfjs_backend.cc", "binding/tfjs_binding.cc", "-o", join(output, "tfjs_binding.node")],
    ...["-L", join("deps", "lib"), ...LIBRARIES.map((name) => `-l:${name}`)],
    "-Wl,-rpath,$ORIGIN/../../deps/lib",
  ];
  await runProgram({ command: compiler, args, ...common });
}

const gibibytes = (bytes) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
