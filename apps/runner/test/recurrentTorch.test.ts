/** Recurrent layers from PyTorch's own exports: names, outputs, gradients and products with the Hessian. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Batch } from "@phew/core";
import { parseSafetensors, readOnnx, toFloat32 } from "@phew/formats";
import { createDifferentiator, loadExecutor } from "@phew/training";
import { describe, expect, it } from "vitest";
import { isLong } from "../../../vitest.long.ts";
import { lastingFolder } from "./phew.ts";

const SCRIPT = `
import sys, torch
from torch import nn
from torch.nn.functional import cross_entropy
from safetensors.torch import save_file
folder = sys.argv[1]
torch.manual_seed(3)
class Net(nn.Module):
    def __init__(self, kind, head, **options):
        super().__init__()
        self.head = head
        self.r = getattr(nn, kind)(3, 4, batch_first=True, **options)
        self.fc = nn.Linear(8 if options.get("bidirectional") else 4, 3)
    def forward(self, x):
        y, last = self.r(x)
        if self.head == "state": return self.fc((last[0] if isinstance(last, tuple) else last)[-1])
        return self.fc(y[:, -1] if self.head == "last" else y.mean(1))
nets = {
    "lstm": Net("LSTM", "last"),
    "lstm-two-layers": Net("LSTM", "state", num_layers=2),
    "gru-two-directions": Net("GRU", "mean", num_layers=2, bidirectional=True),
    "rnn": Net("RNN", "last"),
    "rnn-relu": Net("RNN", "state", num_layers=2, nonlinearity="relu", bias=False),
}
for name, net in nets.items():
    x, y = torch.randn(5, 6, 3), torch.tensor([0, 1, 2, 0, 1])
    kinds = ["script"] + (["dynamo"] if sys.argv[2] == "2" and "rnn" not in name else [])
    for kind in kinds:
        torch.onnx.export(net, (x[:1],), f"{folder}/{name}.{kind}.onnx", dynamo=kind == "dynamo", verbose=False)
    net.double()
    theta = dict(net.named_parameters())
    along = {key: torch.randn(value.shape, dtype=torch.float64) for key, value in theta.items()}
    out = net(x.double())
    loss = cross_entropy(out, y)
    first = torch.autograd.grad(loss, list(theta.values()), create_graph=True)
    slope = sum((g * along[key]).sum() for key, g in zip(theta, first))
    second = torch.autograd.grad(slope, list(theta.values()))
    tensors = {"x": x, "y": y, "output": out, "loss": loss.reshape(1)}
    for (key, value), g, h in zip(theta.items(), first, second):
        tensors.update({"state/" + key: value, "gradient/" + key: g, "product/" + key: h, "along/" + key: along[key]})
    asked = {k: (v if v.dtype == torch.int64 else v.detach().float()).contiguous() for k, v in tensors.items()}
    save_file(asked, f"{folder}/{name}.safetensors")
`;

const FINDS =
  "import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in 'torch onnx onnxscript safetensors'.split()))";
const present = spawnSync("python3", ["-c", FINDS]).status === 0;

/** The newer exporter takes seconds, and writes an RNN step by step. */
const NETS = ["lstm", "lstm-two-layers", "gru-two-directions", "rnn", "rnn-relu"];
const FILES = NETS.flatMap((net) => [
  [net, "script"] as const,
  ...(isLong && !net.startsWith("rnn") ? [[net, "dynamo"] as const] : []),
]);

describe.skipIf(!present)(
  "recurrent layers from PyTorch (skipped where python3 has no torch, onnx, onnxscript and safetensors)",
  () => {
    const folder = lastingFolder();
    let made = false;
    const read = async (net: string, exporter: string) => {
      if (!made) {
        const { status, stderr } = spawnSync("python3", ["-c", SCRIPT, folder, isLong ? "2" : "1"], {
          encoding: "utf8",
        });
        expect(status, stderr).toBe(0);
        made = true;
      }
      const path = `${folder}/${net}.safetensors`;
      const { tensors } = parseSafetensors(new Uint8Array(readFileSync(path)), path);
      const given = (name: string) => toFloat32(tensors.get(name)!);
      const y = new BigInt64Array(Uint8Array.from(tensors.get("y")!.data).buffer);
      const { network, weights, onnx } = await readOnnx(`${folder}/${net}.${exporter}.onnx`);
      // an example of the file has its steps first, one of the network its features
      const { places } = onnx.inputs[0]!;
      const [x, size] = [given("x"), 18];
      const own = x.map((_, k) => x[k - (k % size) + places![k % size]!]!);
      const batch: Batch = { x: own, y: Int32Array.from(y, Number), count: 5 };
      return { network, weights, batch, given, tensors };
    };

    it.each(FILES)("%s, %s: names, shapes and values are the state dict's", async (net, exporter) => {
      const { network, weights, tensors } = await read(net, exporter);
      const state = [...tensors].filter(([name]) => name.startsWith("state/"));
      expect(network.parameters.map(({ name, shape }) => [name, shape]).sort()).toEqual(
        state.map(([name, { shape }]) => [name.slice(6), shape]).sort(),
      );
      for (const [name, tensor] of state) expect(weights.get(name.slice(6)), name).toEqual(toFloat32(tensor));
    });

    it.each(FILES)(
      "%s, %s: gradients and products with the Hessian are autograd's",
      async (net, exporter) => {
        const { network, weights, batch, given } = await read(net, exporter);
        const along = new Map(network.parameters.map(({ name }) => [name, given(`along/${name}`)]));
        const request = { network, weights, batches: [batch], statistics: "running" } as const;
        const { loss, gradients, products } = await createDifferentiator().hessianProduct(request, along);
        expect(loss).toBeCloseTo(given("loss")[0]!, 5);
        for (const { name } of network.parameters) {
          expectNear(gradients.get(name)!, given(`gradient/${name}`), name);
          expectNear(products.get(name)!, given(`product/${name}`), name);
        }
      },
    );

    it.each(["sparse", "tensorflow"] as const)(
      "the %s executor gives PyTorch's outputs and descends its gradients",
      async (name) => {
        for (const net of NETS) {
          const { network, weights, batch, given } = await read(net, "script");
          const optimiser = { name: "sgd", settings: { momentum: 0, nesterov: false, weightDecay: 0 } };
          const load = await loadExecutor(name);
          const executor = await load({ network, weights, optimiser, batchSize: 5, seed: 0 });
          expectNear(await executor.predict(batch.x, batch.count), given("output"), "output");
          await executor.step(batch, 0.5);
          const updated = await executor.weights();
          for (const { name: parameter } of network.parameters) {
            const gradient = given(`gradient/${parameter}`);
            const expected = weights.get(parameter)!.map((value, k) => value - 0.5 * gradient[k]!);
            expectNear(updated.get(parameter)!, expected, parameter);
          }
          executor.dispose();
        }
      },
    );
  },
);

function expectNear(found: Float32Array, expected: Float32Array, what: string): void {
  expect(found.length, what).toBe(expected.length);
  const scale = 1e-3 + Math.max(...expected.map(Math.abs));
  for (const [k, value] of expected.entries())
    expect(Math.abs(found[k]! - value) / scale, what).toBeLessThan(1e-4);
}
