"""SynFlow as its authors have it, on any network of the benchmarks: the PyTorch side of bench/synflow.mjs.

Standard input: one line of JSON {threadCount, rounds, density, repeats, network, parameters}, then every parameter as
raw float32. Standard output: one line of JSON {"version", "seconds": one a repetition, "cpuSeconds", "keptCount"}.
"""

import json
import sys
import time

from train import Network, read_tensor


def main():
    task = json.loads(sys.stdin.buffer.readline())
    import torch

    torch.set_num_threads(task["threadCount"])
    with torch.no_grad():
        parameters = {p["name"]: read_tensor(torch, p["shape"]) for p in task["parameters"]}
        for p in task["parameters"]:
            if p["role"] not in ("mean", "variance"):
                parameters[p["name"]].abs_()
    weights = [parameters[p["name"]] for p in task["parameters"] if p["role"] == "weight"]
    names = [p["name"] for p in task["parameters"] if p["role"] == "weight"]
    for weight in weights:
        weight.requires_grad_(True)
    masks = {name: torch.ones_like(weight) for name, weight in zip(names, weights)}
    network = Network(task["network"], parameters, masks)
    ones = torch.ones([1, *task["network"]["nodes"][0]["shape"]])
    count = sum(weight.numel() for weight in weights)
    seconds, cpu_seconds = [], []
    for _ in range(task["repeats"]):
        start, cpu = time.perf_counter(), time.process_time()
        with torch.no_grad():
            for mask in masks.values():
                mask.fill_(1)
        for k in range(1, task["rounds"] + 1):
            gradients = torch.autograd.grad(network.forward(ones, training=False).sum(), weights)
            with torch.no_grad():
                scores = [(g * w).abs_() for g, w in zip(gradients, weights)]
                removed = int((1 - task["density"] ** (k / task["rounds"])) * count)
                threshold, _ = torch.kthvalue(torch.cat([s.flatten() for s in scores]), removed)
                for mask, score in zip(masks.values(), scores):
                    torch.gt(score, threshold, out=mask)
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - cpu)
    kept = int(sum(mask.sum().item() for mask in masks.values()))
    version = torch.__version__.split("+")[0]
    print(json.dumps({"version": version, "seconds": seconds, "cpuSeconds": cpu_seconds, "keptCount": kept}))


main()
