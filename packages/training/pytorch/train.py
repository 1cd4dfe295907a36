"""The PyTorch side of `phew bench`: builds a network from its description and times training steps or predictions.

Standard input: one line of JSON (BenchTask, src/bench/task.ts), then raw little-endian numbers: every parameter and the
inputs as float32, the classes as int32, and, where the task says `masked`, one byte a prunable weight. Then orders, one
a line. Every line of standard output answers one thing; at the start {"ready": …}, {"unavailable": why} or
{"failed": why, "subject", "fault"}, then one answer an order:
  round     runs steps for a while: {"seconds", "stepCount", "imageCount"}
  outputs   {"outputs": the network's outputs in evaluation mode, row-major}
  end       {"startBytes", "peakBytes"} of memory, and the program ends
"""

import json
import os
import resource
import sys
import time


def main():
    task = json.loads(sys.stdin.buffer.readline())
    try:
        import torch  # noqa: F401
    except ImportError as error:
        return answer(unavailable=f"python3 has no torch ({error})")
    try:
        bench = Bench(task)
        bench.warm_up()
    except Unsupported as error:
        return answer(failed=str(error), subject=error.subject, fault=error.fault)
    answer(ready=bench.description())
    for order in sys.stdin.buffer:
        order = order.decode().strip()
        if order == "round":
            answer(**bench.round(task["round"]))
        elif order == "outputs":
            answer(outputs=bench.predict().flatten().tolist())
        elif order == "end":
            return answer(startBytes=bench.start_bytes, peakBytes=peak_bytes())
        else:
            return answer(failed=f"unknown order {order!r}")


class Unsupported(Exception):
    def __init__(self, layer, given):
        super().__init__(given)
        self.subject = f'layer "{layer}"'
        self.fault = {"given": given, "expected": "an operation that the PyTorch baseline knows"}


class Bench:
    def __init__(self, task):
        import torch

        self.torch = torch
        self.task = task
        self.training = task["mode"] == "train"
        torch.set_num_threads(task["threadCount"])
        torch.manual_seed(task["seed"])
        with torch.no_grad():
            parameters = {p["name"]: self.place(read_tensor(torch, p["shape"])) for p in task["parameters"]}
            self.x = self.place(read_tensor(torch, [task["batchSize"], *task["network"]["nodes"][0]["shape"]]))
            self.y = read_tensor(torch, [task["batchSize"]], torch.int32).long()
            masks = {
                p["name"]: self.place(read_tensor(torch, p["shape"], torch.uint8).float())
                for p in task["parameters"]
                if p["role"] == "weight" and task["masked"]
            }
        trained = [parameters[p["name"]] for p in task["parameters"] if p["role"] not in ("mean", "variance")]
        for tensor in trained:
            tensor.requires_grad_(self.training)
        self.start_bytes = resident_bytes()
        self.network = Network(task["network"], parameters, masks)
        self.optimiser = self.descent(trained)

    def descent(self, trained):
        given = self.task["optimiser"]["settings"]
        settings = {
            "lr": self.task["rate"],
            "momentum": given["momentum"],
            "nesterov": given["nesterov"],
            "weight_decay": given["weightDecay"],
        }
        try:
            return self.torch.optim.SGD(trained, fused=True, **settings)
        except (RuntimeError, TypeError):
            # PyTorch before 2.4 has no fused one for processors
            return self.torch.optim.SGD(trained, **settings)

    def description(self):
        version = self.torch.__version__.split("+")[0]
        threads = self.torch.get_num_threads()
        layout = "channels last, " if self.x.dim() == 4 else ""
        masked = ", masks multiplied" if self.task["masked"] else ""
        backend = f"{layout}{threads} thread{'' if threads == 1 else 's'}{masked}"
        return {"name": f"PyTorch {version}", "backend": backend, "threadCount": threads}

    def place(self, tensor):
        layout = self.torch.channels_last if tensor.dim() == 4 else self.torch.contiguous_format
        return tensor.contiguous(memory_format=layout)

    def step(self):
        if not self.training:
            return self.predict()
        self.optimiser.zero_grad(set_to_none=True)
        outputs = self.network.forward(self.x, training=True)
        self.torch.nn.functional.cross_entropy(outputs, self.y).backward()
        self.optimiser.step()

    def predict(self):
        with self.torch.inference_mode():
            return self.network.forward(self.x, training=False)

    def warm_up(self):
        self.round(self.task["warmUp"])

    def round(self, least):
        steps = 0
        start = time.perf_counter()
        while True:
            self.step()
            steps += 1
            seconds = time.perf_counter() - start
            if steps >= least["stepCount"] and 1000 * seconds >= least["milliseconds"]:
                return {"seconds": seconds, "stepCount": steps, "imageCount": steps * self.task["batchSize"]}


class Network:
    """The operations of packages/core/src/operations, in their order, each a function of its inputs' values."""

    def __init__(self, description, parameters, masks):
        self.parameters = parameters
        self.masks = masks
        self.output = description["output"]
        self.described = description["nodes"]
        self.nodes = [(self.function(node), node["inputs"]) for node in self.described]
        last_reader = {}
        for index, (_, inputs) in enumerate(self.nodes):
            for read in inputs:
                last_reader[read] = index
        # values that nobody reads after this node, let go as a module's local variables are
        self.finished = [
            [read for read in set(inputs) if last_reader[read] == index]
            for index, (_, inputs) in enumerate(self.nodes)
        ]

    def forward(self, x, training):
        values = [x] + [None] * (len(self.nodes) - 1)
        for index, (function, inputs) in enumerate(self.nodes):
            if index > 0:
                values[index] = function([values[read] for read in inputs], training)
                for read in self.finished[index]:
                    values[read] = None
        return values[self.output]

    def weight(self, name):
        mask = self.masks.get(name)
        return self.parameters[name] if mask is None else self.parameters[name] * mask

    def function(self, node):
        op = node["op"]
        if op["kind"] == "activation":
            return self.activation(node)
        build = getattr(self, op["kind"], None)
        if build is None:
            raise Unsupported(node["name"], f"the operation {op['kind']}")
        if op["kind"] == "averagePool2d" and op["dilation"] != [1, 1]:
            raise Unsupported(node["name"], "average pooling with dilation")
        return build(op, node["shape"])

    def overwritable(self, node):
        """Whether a node may write over its input: no other reads it, and what made it does not need it on the way back."""
        (read,) = node["inputs"]
        made = self.described[read]
        readers = sum(other["inputs"].count(read) for other in self.described)
        fresh = made["op"]["kind"] in ("conv2d", "dense", "batchNorm") or (
            made["op"]["kind"] == "add" and len(made["inputs"]) > 1
        )
        return fresh and readers == 1

    def input(self, _op, _shape):
        return None

    def conv2d(self, op, _shape):
        from torch.nn import functional as F

        top, left, bottom, right = op["padding"]
        even = top == bottom and left == right
        bias = self.parameters.get(op.get("bias"))

        def convolve(inputs, _training):
            x = inputs[0] if even else F.pad(inputs[0], (left, right, top, bottom))
            padding = (top, left) if even else 0
            weight = self.weight(op["weight"])
            return F.conv2d(x, weight, bias, op["stride"], padding, op["dilation"], op["groups"])

        return convolve

    def dense(self, op, _shape):
        from torch.nn import functional as F

        bias = self.parameters.get(op.get("bias"))
        return lambda inputs, _training: F.linear(inputs[0], self.weight(op["weight"]), bias)

    def batchNorm(self, op, _shape):
        from torch.nn import functional as F

        names = ("mean", "variance", "scale", "shift")
        mean, variance, scale, shift = (self.parameters[op[name]] for name in names)

        def normalise(inputs, training):
            momentum, epsilon = op["momentum"], op["epsilon"]
            return F.batch_norm(inputs[0], mean, variance, scale, shift, training, momentum, epsilon)

        return normalise

    def activation(self, node):
        import torch
        from torch.nn import functional as F

        op = node["op"]
        overwrite = self.overwritable(node)
        functions = {
            "relu": lambda x: F.relu(x, overwrite),
            "relu6": lambda x: F.relu6(x, overwrite),
            "leakyRelu": lambda x: F.leaky_relu(x, op.get("alpha", 0.01)),
            "sigmoid": F.sigmoid,
            "tanh": F.tanh,
            "gelu": F.gelu,
            "geluTanh": lambda x: F.gelu(x, approximate="tanh"),
            "silu": lambda x: x * torch.sigmoid(op.get("alpha", 1.0) * x),
            "hardSwish": F.hardswish,
            "hardSigmoid": lambda x: torch.clamp(op.get("alpha", 1 / 6) * x + op.get("beta", 0.5), 0, 1),
            "elu": lambda x: F.elu(x, op.get("alpha", 1.0)),
            "selu": F.selu,
            "celu": lambda x: F.celu(x, op.get("alpha", 1.0)),
            "softplus": lambda x: F.softplus(x, op.get("alpha", 1.0)),
            "softsign": F.softsign,
            "mish": F.mish,
            "thresholdedRelu": lambda x: F.threshold(x, op.get("alpha", 1.0), 0.0),
            "linear": lambda x: op.get("alpha", 1.0) * x + op.get("beta", 0.0),
            "clip": lambda x: torch.clamp(x, op.get("alpha", -1.0), op.get("beta", 1.0)),
        }
        if op["name"] not in functions:
            raise Unsupported(node["name"], f"the activation {op['name']}")
        function = functions[op["name"]]
        return lambda inputs, _training: function(inputs[0])

    def add(self, _op, _shape):
        def total(inputs, _training):
            value = inputs[0]
            for other in inputs[1:]:
                value = value + other
            return value

        return total

    def concat(self, _op, _shape):
        import torch

        return lambda inputs, _training: torch.cat(inputs, 1)

    def select(self, op, _shape):
        return lambda inputs, _training: inputs[0][:, op["index"]]

    def maxPool2d(self, op, shape):
        from torch.nn import functional as F

        def pool(x, padding, ceil):
            return F.max_pool2d(x, op["kernel"], op["stride"], padding, op["dilation"], ceil)

        return self.pooling(op, shape, pool, float("-inf"))

    def averagePool2d(self, op, shape):
        from torch.nn import functional as F

        def pool(x, padding, ceil):
            return F.avg_pool2d(x, op["kernel"], op["stride"], padding, ceil, op["countPadding"])

        def pool_padded(x, _padding, ceil):
            return F.avg_pool2d(x, op["kernel"], op["stride"], 0, ceil)

        def pool_inside(x, padding, ceil):
            # where padding does not count, the mean over all is put right by the share of the window that is inside
            inside = F.pad(x.new_ones(1, 1, *self.inner(x, op)), self.sides(op))
            return pool_padded(x, padding, ceil) / pool_padded(inside, padding, ceil)

        return self.pooling(op, shape, pool, 0.0, pool_padded if op["countPadding"] else pool_inside)

    def pooling(self, op, shape, pool, filler, pool_padded=None):
        """PyTorch pads both sides alike and by half a window at most: all else is padded by hand, and cut to shape."""
        from torch.nn import functional as F

        top, left, bottom, right = op["padding"]
        ceil = bool(op.get("ceil", False))
        height, width = shape[1:]
        if top == bottom and left == right and 2 * top <= op["kernel"][0] and 2 * left <= op["kernel"][1]:
            return lambda inputs, _training: pool(inputs[0], (top, left), ceil)
        pool_padded = pool_padded or pool

        def by_hand(inputs, _training):
            return pool_padded(F.pad(inputs[0], self.sides(op), value=filler), 0, ceil)[:, :, :height, :width]

        return by_hand

    @staticmethod
    def sides(op):
        top, left, bottom, right = op["padding"]
        return left, right, top, bottom

    @staticmethod
    def inner(padded, op):
        top, left, bottom, right = op["padding"]
        return padded.shape[2] - top - bottom, padded.shape[3] - left - right

    def globalAveragePool(self, _op, _shape):
        return lambda inputs, _training: inputs[0].mean((2, 3))

    def flatten(self, _op, _shape):
        return lambda inputs, _training: inputs[0].flatten(1)

    def dropout(self, op, _shape):
        from torch.nn import functional as F

        return lambda inputs, training: F.dropout(inputs[0], op["rate"], training)

    def identity(self, _op, _shape):
        return lambda inputs, _training: inputs[0]


def read_tensor(torch, shape, dtype=None):
    dtype = dtype or torch.float32
    count = 1
    for length in shape:
        count *= length
    data = bytearray(count * dtype.itemsize)
    view = memoryview(data)
    done = 0
    while done < len(data):
        got = sys.stdin.buffer.readinto(view[done:])
        if not got:
            raise EOFError("standard input ended before the parameters did")
        done += got
    return torch.frombuffer(data, dtype=dtype).reshape(shape)


def resident_bytes():
    return status_bytes("VmRSS") or peak_bytes()


def peak_bytes():
    # getrusage's figure on Linux is at least that of the parent when it forked
    in_status = status_bytes("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return in_status or unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def status_bytes(field):
    if not os.path.exists("/proc/self/status"):
        return None
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field + ":"):
                return 1024 * int(line.split()[1])
    return None


def answer(**values):
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main()
