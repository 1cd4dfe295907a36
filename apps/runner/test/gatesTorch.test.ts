/**
 * SNIP and GraSP on networks with gates, normalisations of the input, dense layers at places, layer scale and attention: the scores
 * that `phew prune` writes beside those of PyTorch's autograd in float64.
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { readSafetensors, toFloat32 } from "@phew/formats";
import { describe, expect, it } from "vitest";
import { lastingFolder, phew } from "./phew.ts";

const SCRIPT = `
import sys, torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.stateless import functional_call
from safetensors.torch import save_file
torch.manual_seed(5)
class Gates(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.r, self.e = nn.Conv2d(2, 8, 3, padding=1), nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.place, self.d, self.norm = nn.Conv2d(8, 1, 3, padding=1), nn.Conv2d(8, 6, 3, stride=2), nn.GroupNorm(3, 6)
        self.f = nn.Linear(6, 3)
    def forward(self, x):
        x = F.silu(self.c(x))
        x = x * torch.sigmoid(self.e(F.relu(self.r(x.mean((2, 3), keepdim=True)))))
        x = x * F.softplus(self.place(x))
        return self.f(F.relu(self.norm(self.d(x))).mean((2, 3)))
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.dw = nn.Conv2d(2, 8, 2, stride=2), nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm, self.up, self.down = nn.LayerNorm(8, eps=1e-6), nn.Linear(8, 16), nn.Linear(16, 8)
        self.gamma, self.fc = nn.Parameter(torch.rand(8, 1, 1)), nn.Linear(8, 3)
        self.head = nn.LayerNorm(8)
    def forward(self, x):
        x = self.stem(x)
        y = self.down(F.gelu(self.up(self.norm(self.dw(x).permute(0, 2, 3, 1))))).permute(0, 3, 1, 2)
        return self.fc(self.head((x + y * self.gamma).mean((2, 3))))
class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.position = nn.Conv2d(2, 8, 4, stride=4), nn.Parameter(torch.randn(1, 4, 8))
        self.g, self.u, self.o = nn.Linear(8, 12), nn.Linear(8, 12), nn.Linear(12, 8)
        self.scale, self.fc = nn.Parameter(torch.rand(8)), nn.Linear(8, 3)
    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2) + self.position
        n = x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.scale
        x = x + self.o(F.silu(self.g(n)) * self.u(n))
        return self.fc(x.mean(1))
class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Conv2d(2, 8, 4, stride=4), nn.LayerNorm(8)
        self.qkv, self.o, self.fc = nn.Linear(8, 24), nn.Linear(8, 8), nn.Linear(8, 3)
    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(self.norm(x)).reshape(-1, 4, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        p = (q @ k.transpose(-2, -1) * 4**-0.5).softmax(-1)
        return self.fc((x + self.o((p @ v).transpose(1, 2).reshape(-1, 4, 8))).mean(1))
for name, net in [("gates", Gates()), ("block", Block()), ("tokens", Tokens()), ("heads", Heads())]:
    folder = sys.argv[1] + "/" + name
    with torch.no_grad():
        for p in net.parameters(): p.add_(0.1 * torch.randn(p.shape))
    x, y = torch.randn(9, 2, 8, 8), torch.arange(9) % 3
    torch.onnx.export(net, (x[:1],), folder + ".onnx", dynamo=False, verbose=False, opset_version=17)
    theta = {k: v.detach().double().requires_grad_() for k, v in net.named_parameters()}
    weights = [k for k, v in theta.items() if v.dim() > 1 and k not in ("gamma", "position")]
    of = [theta[k] for k in weights]
    out = functional_call(net, theta, (x.double(),))
    first = torch.autograd.grad(F.cross_entropy(out, y), of, retain_graph=True)
    saved = {"snip/" + k: (w * g).abs().detach() for k, w, g in zip(weights, of, first)}
    g = torch.autograd.grad(F.cross_entropy(out / 200, y), of, create_graph=True)
    products = torch.autograd.grad(sum((a.detach() * a).sum() for a in g), of)
    saved |= {"grasp/" + k: (w * h).detach() for k, w, h in zip(weights, of, products)}
    for method in ("snip", "grasp"):
        total = sum(v.sum() for k, v in saved.items() if k.startswith(method))
        for k in [k for k in saved if k.startswith(method)]: saved[k] = (saved[k] / (total.abs() + (1e-10 if method == "grasp" else 0))).float().contiguous()
    save_file(saved | {"output": out.detach().float()}, folder + "-expected.safetensors")
    save_file({"x": x, "y": y}, folder + "-batch.safetensors")
`;

const FINDS =
  "import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in 'torch onnx safetensors'.split()))";
const present = spawnSync("python3", ["-c", FINDS]).status === 0;
const NETS = ["gates", "block", "tokens", "heads"];
const TOLERANCE = { snip: 1e-4, grasp: 1e-3 } as const;

describe.skipIf(!present)(
  "gates, normalisations and dense layers at places (skipped where python3 has no torch, onnx and safetensors)",
  () => {
    const folder = lastingFolder();
    let made = false;
    const expectedOf = async (net: string) => {
      if (!made) {
        const { status, stderr } = spawnSync("python3", ["-c", SCRIPT, folder], { encoding: "utf8" });
        expect(status, stderr).toBe(0);
        made = true;
      }
      return (await readSafetensors(path.join(folder, `${net}-expected.safetensors`))).tensors;
    };

    it.each(NETS.flatMap((net) => (["snip", "grasp"] as const).map((method) => [net, method] as const)))(
      "%s: %s has autograd's scores",
      async (net, method) => {
        const expected = await expectedOf(net);
        const scores = `${net}-${method}.safetensors`;
        const args = ["--method", method, "--batch", `${net}-batch.safetensors`, "--density", "0.3"];
        const { exitCode, stderr } = await phew(
          [
            "prune",
            `${net}.onnx`,
            ...args,
            "--scores",
            scores,
            "--out",
            `${net}-masks.safetensors`,
            "--force",
          ],
          folder,
        );
        expect(exitCode, stderr).toBe(0);
        const { tensors } = await readSafetensors(path.join(folder, scores));
        const names = [...expected.keys()].filter((name) => name.startsWith(`${method}/`));
        expect([...tensors.keys()].sort()).toEqual(names.map((name) => name.slice(method.length + 1)).sort());
        for (const [name, tensor] of tensors) {
          const [found, wanted] = [toFloat32(tensor), toFloat32(expected.get(`${method}/${name}`)!)];
          expect([name, tensor.shape]).toEqual([name, expected.get(`${method}/${name}`)!.shape]);
          const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          for (const [k, value] of found.entries())
            expect(Math.abs(value - wanted[k]!), `${name}[${k}]`).toBeLessThan(TOLERANCE[method] * largest);
        }
      },
    );
  },
);
