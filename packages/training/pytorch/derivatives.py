"""Gradients and Hessian-vector products by PyTorch's autograd, timed: the other side of src/bench/torchDerivatives.ts.

Standard input: one line of JSON (TorchDerivativeTask there), then raw little-endian numbers: every parameter and the
inputs as float32, the classes as int32, and a direction, float32 for each trained parameter. Standard output: a line
{"version", "gradients", "product"}, the times of every round in seconds, {"clock", "processor"}, then the products, then the
gradients, as float64.
"""

import json
import sys
import time

import torch
from train import Network, answer, read_tensor


def main():
    task = json.loads(sys.stdin.buffer.readline())
    torch.set_num_threads(task["threadCount"])
    width = torch.float64 if task["double"] else torch.float32

    def place(tensor):
        layout = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
        return tensor.to(width).contiguous(memory_format=layout)

    parameters = {p["name"]: place(read_tensor(torch, p["shape"])) for p in task["parameters"]}
    x = place(read_tensor(torch, [task["count"], *task["network"]["nodes"][0]["shape"]]))
    y = read_tensor(torch, [task["count"]], torch.int32).long()
    described = [p for p in task["parameters"] if p["role"] not in ("mean", "variance")]
    direction = [place(read_tensor(torch, p["shape"])) for p in described]
    trained = [parameters[p["name"]].requires_grad_() for p in described]
    network = Network(task["network"], parameters, {})

    def gradients(twice):
        outputs = network.forward(x, training=task["statistics"] == "batch")
        loss = torch.nn.functional.cross_entropy(outputs / task["temperature"], y)
        return torch.autograd.grad(loss, trained, create_graph=twice)

    def product():
        along = sum((g * v).sum() for g, v in zip(gradients(True), direction))
        # a parameter that the gradients do not depend on has a product of 0
        return torch.autograd.grad(along, trained, allow_unused=True)

    def measured(work):
        clock, processor = time.perf_counter(), time.process_time()
        result = work()
        return result, {"clock": time.perf_counter() - clock, "processor": time.process_time() - processor}

    times = {"gradients": [], "product": []}
    for _ in range(task["rounds"]):
        found, seconds = measured(lambda: gradients(False))
        times["gradients"].append(seconds)
        products, seconds = measured(product)
        times["product"].append(seconds)
    answer(version=torch.__version__.split("+")[0], **times)
    for tensor, result in [*zip(trained, products), *zip(trained, found)]:
        values = torch.zeros_like(tensor) if result is None else result
        sys.stdout.buffer.write(values.detach().double().contiguous().numpy().tobytes())


main()
