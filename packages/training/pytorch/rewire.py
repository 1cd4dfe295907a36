"""Steps and changes of RigL by PyTorch as it is usually run, timed: the other side of src/bench/torchRewire.ts.

All weights are computed with; those that are removed are 0. A step multiplies gradients and weights by the masks. A change
looks at the dense gradient of a batch: in each layer the least of the kept weights are dropped, and the absent ones with
the greatest gradients grow, from 0 and with momentum 0.

Standard input: one line of JSON (TorchRewireTask there), then raw little-endian numbers: every parameter and the inputs as
float32, the classes as int32, and one byte for each prunable weight. Standard output: one line, {"version", "step",
"change"}, the processor's seconds of every round.
"""

import json
import sys
import time

import torch
from train import Network, answer, read_tensor


def main():
    task = json.loads(sys.stdin.buffer.readline())
    torch.set_num_threads(task["threadCount"])

    def place(tensor):
        layout = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
        return tensor.contiguous(memory_format=layout)

    parameters = {p["name"]: place(read_tensor(torch, p["shape"])) for p in task["parameters"]}
    x = place(read_tensor(torch, [task["count"], *task["network"]["nodes"][0]["shape"]]))
    y = read_tensor(torch, [task["count"]], torch.int32).long()
    weights = [p for p in task["parameters"] if p["role"] == "weight"]
    masks = {p["name"]: place(read_tensor(torch, p["shape"], torch.uint8).float()) for p in weights}
    trained = [parameters[p["name"]] for p in task["parameters"] if p["role"] not in ("mean", "variance")]
    for tensor in trained:
        tensor.requires_grad_()
    network = Network(task["network"], parameters, {})
    optimiser = torch.optim.SGD(trained, lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)

    def backward():
        optimiser.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(network.forward(x, training=True), y).backward()

    def step():
        backward()
        with torch.no_grad():
            for name, mask in masks.items():
                parameters[name].grad.mul_(mask)
            optimiser.step()
            for name, mask in masks.items():
                parameters[name].mul_(mask)

    def change():
        backward()
        with torch.no_grad():
            for name, mask in masks.items():
                weight = parameters[name]
                momentum = optimiser.state[weight]["momentum_buffer"]
                rewire(weight, weight.grad, momentum, mask, task["fraction"])

    times = {"step": [], "change": []}
    # the first round warms up, and gives every weight its momentum
    for round_number in range(task["rounds"] + 1):
        for kind, work in (("step", step), ("change", change)):
            start = time.process_time()
            work()
            if round_number > 0:
                times[kind].append(time.process_time() - start)
    answer(version=torch.__version__.split("+")[0], **times)


def rewire(weight, gradient, momentum, mask, fraction):
    kept = int(mask.sum())
    count = int(fraction * kept)
    # in the order of memory, which channels_last changes; the same for all four
    order = (0, 2, 3, 1) if weight.dim() == 4 else (0, 1)
    weight, gradient, momentum, mask = (
        tensor.permute(order).reshape(-1) if tensor.dim() == 2 else tensor.permute(order).view(-1)
        for tensor in (weight, gradient, momentum, mask)
    )
    score = torch.where(mask > 0, weight.abs(), float("inf"))
    dropped = score.topk(count, largest=False).indices
    mask[dropped] = 0
    grown = torch.where(mask > 0, -1.0, gradient.abs()).topk(count).indices
    mask[grown] = 1
    new = grown[~torch.isin(grown, dropped)]
    weight[new] = 0
    momentum[new] = 0
    weight.mul_(mask)
    momentum.mul_(mask)


main()
