/** PReLU with trained slopes from PyTorch's own exports: names, outputs, gradients and products with the Hessian. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Batch } from "@phew/core";
import { parseSafetensors, readOnnx, readSafetensors, toFloat32 } from "@phew/formats";
import { createDifferentiator, loadExecutor } from "@phew/training";
import { describe, expect, it } from "vitest";
import { isLong } from "../../../vitest.long.ts";
import { lastingFolder } from "./phew.ts";

const SCRIPT = `
import sys, torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.stateless import functional_call
from safetensors.torch import save_file
folder = sys.argv[1]
torch.manual_seed(3)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.act1 = nn.Conv2d(2, 6, 3, padding=1), nn.PReLU(6)
        self.conv2, self.act2 = nn.Conv2d(6, 4, 3, stride=2), nn.PReLU()
        self.fc1, self.act3 = nn.Linear(36, 8), nn.PReLU(8)
        self.fc2 = nn.Linear(8, 3)
    def forward(self, x):
        x = self.act2(self.conv2(self.act1(self.conv1(x))))
        return self.fc2(self.act3(self.fc1(x.flatten(1))))
net = Net()
with torch.no_grad():
    for act in (net.act1, net.act2, net.act3): act.weight.uniform_(-0.5, 1.5)
x, y = torch.randn(5, 2, 8, 8), torch.tensor([0, 1, 2, 0, 1])
for dynamo in [False, True][:int(sys.argv[2])]:
    # one example: what PyTorch traces a batch for, a network here takes any number of
    torch.onnx.export(net, (x[:1],), folder + f"/{'dynamo' if dynamo else 'script'}.onnx", dynamo=dynamo, verbose=False)
theta = {name: value.detach().double().requires_grad_() for name, value in net.named_parameters()}
along = {name: torch.randn(value.shape, dtype=torch.float64) for name, value in theta.items()}
out = functional_call(net, theta, (x.double(),))
loss = cross_entropy(out, y)
first = torch.autograd.grad(loss, list(theta.values()), create_graph=True)
slope = sum((g * along[name]).sum() for name, g in zip(theta, first))
second = torch.autograd.grad(slope, list(theta.values()))
tensors = {"x": x, "y": y, "output": out.detach().float(), "loss": loss.detach().float().reshape(1)}
for name, g, h in zip(theta, first, second):
    tensors["gradient/" + name] = g.detach().float()
    tensors["product/" + name] = h.detach().float()
    tensors["along/" + name] = along[name].float()
save_file({k: v.contiguous() for k, v in tensors.items()}, folder + "/expected.safetensors")
save_file(net.state_dict(), folder + "/state.safetensors")
`;

const FINDS =
  "import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in 'torch onnx onnxscript safetensors'.split()))";
const present = spawnSync("python3", ["-c", FINDS]).status === 0;

describe.skipIf(!present)(
  "PReLU from PyTorch (skipped where python3 has no torch, onnx, onnxscript and safetensors)",
  () => {
    const folder = lastingFolder();
    // the newer exporter takes seconds
    const files = isLong ? ["script.onnx", "dynamo.onnx"] : ["script.onnx"];
    let made = false;
    const read = async (file: string) => {
      if (!made) {
        const { status, stderr } = spawnSync("python3", ["-c", SCRIPT, folder, `${files.length}`], {
          encoding: "utf8",
        });
        expect(status, stderr).toBe(0);
        made = true;
      }
      const path = `${folder}/expected.safetensors`;
      const { tensors } = parseSafetensors(new Uint8Array(readFileSync(path)), path);
      const given = (name: string) => toFloat32(tensors.get(name)!);
      const y = new BigInt64Array(Uint8Array.from(tensors.get("y")!.data).buffer);
      const batch: Batch = { x: given("x"), y: Int32Array.from(y, Number), count: 5 };
      const { network, weights } = await readOnnx(`${folder}/${file}`);
      return { network, weights, batch, given };
    };

    it.each(files)("%s: slopes bear the state dict's names and shapes", async (file) => {
      const { network, weights } = await read(file);
      const { tensors } = await readSafetensors(`${folder}/state.safetensors`);
      expect(network.nodes.map(({ op }) => op.kind).filter((kind) => kind === "prelu").length).toBe(3);
      expect(network.parameters.map(({ name, shape }) => [name, shape]).sort()).toEqual(
        [...tensors].map(([name, { shape }]) => [name, shape]).sort(),
      );
      for (const [name, tensor] of tensors) expect(weights.get(name), name).toEqual(toFloat32(tensor));
    });

    it.each(files)("%s: gradients and products with the Hessian are autograd's", async (file) => {
      const { network, weights, batch, given } = await read(file);
      const along = new Map(network.parameters.map(({ name }) => [name, given(`along/${name}`)]));
      const request = { network, weights, batches: [batch], statistics: "running" } as const;
      const { loss, gradients, products } = await createDifferentiator().hessianProduct(request, along);
      expect(loss).toBeCloseTo(given("loss")[0]!, 5);
      for (const { name } of network.parameters) {
        expectNear(gradients.get(name)!, given(`gradient/${name}`), name);
        expectNear(products.get(name)!, given(`product/${name}`), name);
      }
    });

    it.each(["sparse", "tensorflow"] as const)(
      "the %s executor gives PyTorch's outputs and descends its gradients",
      async (name) => {
        const { network, weights, batch, given } = await read("script.onnx");
        const optimiser = { name: "sgd", settings: { momentum: 0, nesterov: false, weightDecay: 0 } };
        const executor = await (await loadExecutor(name))({
          network,
          weights,
          optimiser,
          batchSize: 5,
          seed: 0,
        });
        expectNear(await executor.predict(batch.x, batch.count), given("output"), "output");
        await executor.step(batch, 0.5);
        const updated = await executor.weights();
        for (const { name: parameter } of network.parameters) {
          const gradient = given(`gradient/${parameter}`);
          const expected = weights.get(parameter)!.map((value, k) => value - 0.5 * gradient[k]!);
          expectNear(updated.get(parameter)!, expected, parameter);
        }
        executor.dispose();
      },
    );
  },
);

function expectNear(found: Float32Array, expected: Float32Array, what: string): void {
  expect(found.length, what).toBe(expected.length);
  const scale = 1e-3 + Math.max(...expected.map(Math.abs));
  for (const [k, value] of expected.entries())
    expect(Math.abs(found[k]! - value) / scale, what).toBeLessThan(2e-5);
}
