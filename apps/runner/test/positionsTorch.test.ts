/**
 * Small networks with transposed convolutions, resizes and paddings over one, two and three axes, as PyTorch exports
 * them: outputs, names and shapes of the state dict, and the scores of SNIP, GraSP and SynFlow beside autograd's.
 */
import { spawnSync } from "node:child_process";
import { readSafetensors, toFloat32 } from "@phew/formats";
import { describe, expect, it } from "vitest";
import { isLong } from "../../../vitest.long.ts";
import { lastingFolder, phew } from "./phew.ts";

const SCRIPT = `
import sys, torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.stateless import functional_call
from safetensors.torch import save_file
folder = sys.argv[1]
# normalisation comes behind a relu, where no exporter folds it into weights
class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv1d(2, 6, 3, padding=1)
        self.t = nn.ConvTranspose1d(6, 4, 3, stride=2, padding=1, output_padding=1)
        self.n = nn.BatchNorm1d(4)
        self.b, self.f = nn.Conv1d(10, 6, 5, stride=3), nn.Linear(6, 3)
    def forward(self, x):
        h = F.relu(self.a(x))
        u = self.n(F.relu(self.t(F.max_pool1d(h, 2))))
        return self.f(F.relu(self.b(torch.cat([u, h], 1))).mean(-1))
class Plane(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.m = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 8, 3, padding=1)
        self.t = nn.ConvTranspose2d(8, 6, 3, stride=2, padding=1, output_padding=1, groups=2)
        self.n = nn.BatchNorm2d(6)
        self.b, self.f = nn.Conv2d(20, 6, 3), nn.Linear(6, 3)
    def forward(self, x):
        h = F.relu(self.a(F.pad(x, (1, 1, 1, 1), mode="reflect")))
        m = F.relu(self.m(F.max_pool2d(h, 2)))
        u = self.n(F.relu(self.t(m)))
        v = F.interpolate(m, scale_factor=2, mode="bilinear", align_corners=False)
        return self.f(F.relu(self.b(torch.cat([u, h, v], 1))).mean((2, 3)))
class Volume(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv3d(1, 4, 3, padding=1)
        self.t = nn.ConvTranspose3d(4, 3, 2, stride=2)
        self.n = nn.BatchNorm3d(3)
        self.b, self.f = nn.Conv3d(11, 5, (3, 2, 3), stride=2, dilation=(1, 2, 1)), nn.Linear(5, 3)
    def forward(self, x):
        h = F.relu(self.a(x))
        p = F.avg_pool3d(h, 2)
        v = F.interpolate(p, scale_factor=2, mode="trilinear")
        return self.f(F.relu(self.b(torch.cat([self.n(F.relu(self.t(p))), h, v], 1))).mean((2, 3, 4)))
def record(name, net, shape):
    torch.manual_seed(5)
    with torch.no_grad():
        for p in net.parameters(): p.copy_(0.5 * torch.randn(p.shape))
        # so small that SynFlow's values stay above it
        net.n.running_mean.normal_(0, 0.02); net.n.running_var.uniform_(0.5, 2); net.n.weight.uniform_(0.5, 1.5)
    net.eval()
    x, y = torch.randn(6, *shape), torch.tensor([0, 1, 2, 0, 1, 2])
    for dynamo in [False, True][:int(sys.argv[2])]:
        torch.onnx.export(net, (x[:1],), f"{folder}/{name}-{'dynamo' if dynamo else 'script'}.onnx", dynamo=dynamo, verbose=False, input_names=["x"])
    net.double()
    state = {k: v.detach() for k, v in net.state_dict().items()}
    weights = [k for k, v in net.named_parameters() if v.dim() > 1]
    leaf = {k: state[k].clone().requires_grad_() for k in weights}
    logits = functional_call(net, {**state, **leaf}, (x.double(),))
    grads = torch.autograd.grad(F.cross_entropy(logits, y), list(leaf.values()))
    tensors = {"x": x, "y": y, "logits": logits.detach().float()}
    for k, g in zip(weights, grads): tensors["snip." + k] = (leaf[k] * g).abs().detach()
    soft = functional_call(net, {**state, **leaf}, (x.double(),)) / 200
    first = torch.autograd.grad(F.cross_entropy(soft, y), list(leaf.values()), create_graph=True)
    products = torch.autograd.grad(sum((g * g.detach()).sum() for g in first), list(leaf.values()))
    for k, h in zip(weights, products): tensors["grasp." + k] = (leaf[k] * h).detach()
    # running means too, as the authors' code takes them
    positive = {k: v.abs() for k, v in state.items()}
    for k in weights: positive[k].requires_grad_()
    r = functional_call(net, positive, (torch.ones(1, *shape, dtype=torch.float64),)).sum()
    flow = torch.autograd.grad(r, [positive[k] for k in weights])
    for k, g in zip(weights, flow): tensors["synflow." + k] = (positive[k] * g).abs().detach()
    save_file({k: v.contiguous() if v.dtype == torch.int64 else v.float().contiguous() for k, v in tensors.items()}, f"{folder}/{name}.safetensors")
record("sequence", Sequence(), (2, 20))
record("plane", Plane(), (3, 12, 12))
record("volume", Volume(), (1, 8, 8, 8))
`;

const FINDS =
  "import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in 'torch onnx onnxscript safetensors'.split()))";
const present = spawnSync("python3", ["-c", FINDS]).status === 0;
/** What the scores may differ by, of the greatest. */
const TOLERANCE = { snip: 1e-4, grasp: 1e-3, synflow: 1e-4 } as const;

describe.skipIf(!present)(
  "positions of PyTorch (skipped where python3 has no torch, onnx, onnxscript and safetensors)",
  () => {
    const folder = lastingFolder();
    // the newer exporter takes seconds
    const exporters = isLong ? ["script", "dynamo"] : ["script"];
    let made = false;
    const run = async (...args: string[]) => {
      if (!made) {
        const given = { encoding: "utf8" } as const;
        const { status, stderr } = spawnSync("python3", ["-c", SCRIPT, folder, `${exporters.length}`], given);
        expect(status, stderr).toBe(0);
        made = true;
      }
      const { exitCode, stderr } = await phew(args, folder);
      expect(exitCode, stderr).toBe(0);
    };

    for (const net of ["sequence", "plane", "volume"]) {
      it.each(exporters)(`${net} by the %s exporter: outputs and scores are PyTorch's`, async (exporter) => {
        const model = `${net}-${exporter}.onnx`;
        const batch = `${net}.safetensors`;
        await run("predict", model, "--batch", batch, "--compare", batch, "--tolerance", "1e-4");
        const expected = (await readSafetensors(`${folder}/${batch}`)).tensors;
        for (const [method, tolerance] of Object.entries(TOLERANCE)) {
          const data = method === "synflow" ? ["--option", "rounds=1"] : ["--batch", batch];
          const out = ["--scores", "scores.safetensors", "--density", "0.5", "--force"];
          await run("prune", model, "--method", method, ...data, ...out);
          const { tensors } = await readSafetensors(`${folder}/scores.safetensors`);
          const wanted = [...expected.keys()].filter((name) => name.startsWith(`${method}.`));
          const names = wanted.map((name) => name.slice(method.length + 1));
          expect([...tensors.keys()].sort()).toEqual(names.sort());
          const of = (name: string) => expected.get(`${method}.${name}`)!;
          expect(names.map((name) => tensors.get(name)!.shape)).toEqual(names.map((name) => of(name).shape));
          const found = names.flatMap((name) => [...toFloat32(tensors.get(name)!)]);
          const theirs = names.flatMap((name) => [...toFloat32(of(name))]);
          expectProportional(found, theirs, tolerance, `${model} ${method}`);
        }
      });
    }
  },
);

/** Scores count up to a common factor. */
function expectProportional(
  found: readonly number[],
  expected: readonly number[],
  tolerance: number,
  what: string,
): void {
  expect(found.length, what).toBe(expected.length);
  const size = (values: readonly number[]) =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const product = found.reduce((sum, value, k) => sum + value * expected[k]!, 0);
  const factor = product / size(found) ** 2;
  const most = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const worst = found.reduce(
    (largest, value, k) => Math.max(largest, Math.abs(value * factor - expected[k]!)),
    0,
  );
  expect(worst / most, what).toBeLessThan(tolerance);
}
