"""Small modules, exported by both of PyTorch's exporters with batch normalisation folded and kept; and the masks of each
export loaded back. Run by pytorchLoader.test.ts: `export FOLDER NAME.KIND …` writes NAME.KIND.onnx, NAME.x.safetensors and
NAME.y.safetensors, `load FOLDER NAME.KIND …` writes NAME.KIND.masked.safetensors from NAME.KIND.masks.safetensors, and
where there is NAME.KIND.zeroed.safetensors what a strict load of it says into NAME.KIND.strict.json."""
import contextlib
import io
import json
import logging
import os
import sys
import warnings

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


class Plain(nn.Module):
    shape = (3, 9, 9)

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 10, 3, stride=2)
        self.fc1 = nn.Linear(160, 24)
        self.fc2 = nn.Linear(24, 5)

    def forward(self, x):
        x = self.conv2(F.leaky_relu(self.conv1(x)))
        return self.fc2(torch.tanh(self.fc1(F.gelu(x).flatten(1))))


class Normed(nn.Module):
    """Normalisation of images and of features, in a Sequential and outside."""

    shape = (3, 9, 9)

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 12, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(12)
        self.blk = nn.Sequential(nn.Conv2d(12, 10, 3, padding=1), nn.BatchNorm2d(10), nn.ReLU(), nn.MaxPool2d(2))
        self.fc = nn.Linear(160, 24)
        self.bnf = nn.BatchNorm1d(24)
        self.fc2 = nn.Linear(24, 5)

    def forward(self, x):
        x = self.blk(F.relu(self.bn1(self.conv1(x))))
        return self.fc2(F.silu(self.bnf(self.fc(x.flatten(1)))))


class Residual(nn.Module):
    shape = (3, 8, 8)

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 10, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(10)
        self.a = nn.Conv2d(10, 10, 3, padding=1, bias=False)
        self.na = nn.BatchNorm2d(10)
        self.b = nn.Conv2d(10, 10, 3, padding=1, bias=False)
        self.nb = nn.BatchNorm2d(10)
        self.short = nn.Sequential(nn.Conv2d(10, 14, 1, stride=2, bias=False), nn.BatchNorm2d(14))
        self.c = nn.Conv2d(10, 14, 3, padding=1, stride=2, bias=False)
        self.nc = nn.BatchNorm2d(14)
        self.fc = nn.Linear(14, 6)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        x = F.relu(self.nb(self.b(F.relu(self.na(self.a(x))))) + x)
        x = F.relu(self.nc(self.c(x)) + self.short(x))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Sigmoids(nn.Module):
    """A dead unit's 0 becomes 0.5 on the way, behind which a normalisation of its own follows."""

    shape = (2, 8, 8)

    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(2, 9, 3, padding=1)
        self.n1 = nn.BatchNorm2d(9)
        self.c2 = nn.Conv2d(9, 9, 3, padding=1)
        self.n2 = nn.BatchNorm2d(9)
        self.fc = nn.Linear(9, 6)
        self.out = nn.Linear(6, 4)

    def forward(self, x):
        x = self.c2(self.n2(torch.sigmoid(self.n1(self.c1(x)))))
        return self.out(torch.sigmoid(self.fc(F.hardsigmoid(x).mean((2, 3)))))


class Odd(nn.Module):
    """Depthwise; normalisation without parameters, behind Dropout and Identity, and behind a pooling."""

    shape = (3, 8, 8)

    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(3, 8, 3, padding=1)
        self.n1 = nn.BatchNorm2d(8, affine=False)
        self.c2 = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.same = nn.Sequential(nn.Dropout2d(0.1), nn.Identity())
        self.n2 = nn.BatchNorm2d(8)
        self.c3 = nn.Conv2d(8, 8, 1)
        self.n3 = nn.BatchNorm2d(8)
        self.fc = nn.Linear(128, 5)

    def forward(self, x):
        x = F.relu6(self.n2(self.same(self.c2(F.relu(self.n1(self.c1(x)))))))
        return self.fc(F.relu(self.n3(F.max_pool2d(self.c3(x), 2))).flatten(1))


class SharedNorm(nn.Module):
    """One normalisation behind two layers: where their dead units differ, no mask of it is right."""

    shape = (3, 8, 8)

    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 8, 3, padding=1)
        self.d = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.e = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.shared = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = F.relu(self.c(x))
        return self.fc((F.relu(self.shared(self.d(x))) + F.relu(self.shared(self.e(x)))).mean((2, 3)))


class HalfShared(SharedNorm):
    """Folded into the layer in one place, by itself in the other."""

    def forward(self, x):
        x = F.max_pool2d(self.c(x), 2)
        return self.fc(F.relu(self.shared(self.d(self.shared(x)))).mean((2, 3)))


class SharedLayer(SharedNorm):
    """A layer and its normalisation, twice in a row."""

    def forward(self, x):
        x = F.relu(self.c(x))
        for _ in range(2):
            x = F.relu(self.shared(self.d(x)))
        return self.fc(x.mean((2, 3)))


class Unnormed(SharedNorm):
    """A layer that is read with its normalisation in one place and without it in another."""

    def forward(self, x):
        x = self.d(F.relu(self.c(x)))
        return self.fc((F.relu(self.shared(x)) + F.hardtanh(x)).mean((2, 3)))


class Unnamed(SharedNorm):
    """Normalisation behind a layer that is no module, and its input by name."""

    def forward(self, x):
        x = F.conv2d(F.relu(self.c(x)), self.d.weight, padding=1)
        return self.fc(F.relu(self.shared(input=x)).mean((2, 3)))


class ByName(SharedNorm):
    def forward(self, x):
        return self.fc(F.relu(self.shared(input=self.d(F.relu(self.c(x))))).mean((2, 3)))


class Tied(nn.Module):
    """Modules that share a weight, which each of them may mask by itself; the file names it after one of them."""

    shape = (12,)

    def __init__(self):
        super().__init__()
        self.fc_1 = nn.Linear(12, 12)
        self.fc_2 = nn.Linear(12, 12, bias=False)
        self.fc_3 = nn.Linear(12, 12)
        self.fc_2.weight = self.fc_3.weight = self.fc_1.weight

    def forward(self, x):
        return self.fc_1(F.relu(self.fc_2(F.relu(self.fc_3(x)))))


class Again(Tied):
    """A layer that is called thrice: no mask of it is right where those of the calls differ."""

    def forward(self, x):
        return self.fc_1(F.relu(self.fc_1(F.relu(self.fc_1(x)))))


class Free(nn.Module):
    """Parameters of no layer: weights as [in, out], square too, and numbers of units with more axes or one for all."""

    shape = (3, 6, 6)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)
        self.h = nn.Parameter(torch.rand(1, 8, 1, 1))
        self.one = nn.Parameter(torch.tensor(0.3))
        self.conv2 = nn.Conv2d(8, 8, 3, bias=False)
        self.square = nn.Parameter(torch.randn(8, 8) / 3)
        self.b = nn.Parameter(torch.randn(8))
        self.wide = nn.Parameter(torch.randn(8, 5) / 3)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv(x) + self.h)))
        return F.relu(x.mean((2, 3)) @ self.square + self.b) @ self.wide + self.one


class Functional(nn.Module):
    """Normalisation that is no module, behind a layer with a bias."""

    shape = (3, 6, 6)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.register_buffer("mean", torch.randn(8) / 9)
        self.register_buffer("variance", torch.rand(8) + 0.5)
        self.scale = nn.Parameter(torch.rand(8) + 0.5)
        self.shift = nn.Parameter(torch.randn(8))
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = F.batch_norm(self.conv(x), self.mean, self.variance, self.scale, self.shift, False)
        return self.fc(F.relu(x).mean((2, 3)))


MODELS = [Plain, Normed, Residual, Sigmoids, Odd]
ODD_CALLS = [SharedNorm, HalfShared, SharedLayer, Unnormed, Unnamed, ByName, Tied, Again, Free, Functional]
PRESERVE = torch.onnx.TrainingMode.PRESERVE
KINDS = {
    "old": dict(dynamo=False),
    "old-kept": dict(dynamo=False, training=PRESERVE, do_constant_folding=False),
    "new": dict(dynamo=True),
    "new-kept": dict(dynamo=True, optimize=False),
}


def build(kind):
    """The same weights each time, with statistics and parameters of normalisation that are not the initial ones."""
    torch.manual_seed(0)
    model = kind().train()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine:
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.5)
    for _ in range(3):
        model(torch.randn(16, *kind.shape) * 2 + 0.5)
    return model.eval()


def export(folder, wanted):
    for kind in MODELS + ODD_CALLS:
        if not any(own.startswith(f"{kind.__name__}.") for own in wanted):
            continue
        model, x = build(kind), torch.randn(4, *kind.shape)
        save_file({"x": x}, f"{folder}/{kind.__name__}.x.safetensors")
        save_file({"y": model(x).detach()}, f"{folder}/{kind.__name__}.y.safetensors")
        for name, options in KINDS.items():
            if f"{kind.__name__}.{name}" not in wanted:
                continue
            batch = (
                {"dynamic_shapes": ({0: torch.export.Dim.DYNAMIC},)}
                if options["dynamo"]
                else {"input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}}
            )
            quiet = io.StringIO()
            with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
                torch.onnx.export(model, (x,), f"{folder}/{kind.__name__}.{name}.onnx", **options, **batch)


def load(folder, wanted, load_masks):
    for kind in MODELS + ODD_CALLS:
        if not any(own.startswith(f"{kind.__name__}.") for own in wanted):
            continue
        x = load_file(f"{folder}/{kind.__name__}.x.safetensors")["x"]
        for name in KINDS:
            if f"{kind.__name__}.{name}" not in wanted:
                continue
            file = f"{folder}/{kind.__name__}.{name}"
            try:
                model = load_masks(build(kind), f"{file}.masks.safetensors")
            except ValueError as error:
                if kind not in ODD_CALLS:
                    raise
                print(f"{kind.__name__}.{name}: {error}")
                continue
            masked = {"y": model(x).detach()}
            # a step of training moves nothing that is silent
            optimiser = torch.optim.SGD(model.train().parameters(), lr=0.1, weight_decay=0.1)
            model(x).square().sum().backward()
            optimiser.step()
            for own, mask in load_file(f"{file}.masks.safetensors").items():
                module, _, parameter = own.removesuffix("_mask").rpartition(".")
                found = getattr(model.get_submodule(module), parameter, None)
                assert found is None or found[~mask.reshape(found.shape)].abs().sum() == 0, own
            save_file(masked, f"{file}.masked.safetensors")
            if os.path.exists(f"{file}.zeroed.safetensors"):
                strict(kind, file, x)


def strict(kind, file, x):
    """A strict load into the module, then into the module fused: what PyTorch says, and what comes out."""
    state = load_file(f"{file}.zeroed.safetensors")
    try:
        build(kind).load_state_dict(state, strict=True)
        said = ""
    except RuntimeError as error:
        said = str(error)
    model = build(kind)
    fuse = nn.utils.fuse_conv_bn_eval
    model.conv1, model.bn1 = fuse(model.conv1, model.bn1), nn.Identity()
    model.blk[0], model.blk[1] = fuse(model.blk[0], model.blk[1]), nn.Identity()
    loaded = model.load_state_dict(state, strict=False)
    y = model(x).detach().flatten().tolist() if not loaded.missing_keys else None
    with open(f"{file}.strict.json", "w") as out:
        json.dump({"said": said, "missing": loaded.missing_keys, "unexpected": loaded.unexpected_keys, "y": y}, out)


if __name__ == "__main__":
    if sys.argv[1] == "export":
        export(sys.argv[2], sys.argv[3:])
    else:
        sys.path.insert(0, sys.argv[2])
        from load_masks import load_masks

        load(sys.argv[2], sys.argv[3:], load_masks)
