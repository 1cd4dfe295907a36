"""Networks of torchvision, timm and transformers as people export them, with random weights: nothing is downloaded.
    python3 packages/bench/src/exports.py FOLDER [NAME…]
writes FOLDER/NAME/model.onnx, io.safetensors (inputs by their names, and `out` or `out0`, `out1` …, as PyTorch gives
them) and facts.json (exporter, opset, the parameters of the state dict with their shapes) for each name, or for all.
families.mjs reads such folders. Networks are as their libraries have them, but for fewer blocks where there are many,
small images and few classes; numbers that a library starts at 0 or 1 (normalisation, its statistics, layer scale) are
drawn, so that nothing is right by chance. torch 2.13, torchvision 0.28, timm 1.0.29, transformers 5.18."""
import contextlib
import io
import json
import logging
import os
import sys
import traceback
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from safetensors.torch import save_file
from torch import nn

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

# how a file is written: exporter, and whether batch normalisation is kept as docs/pytorch.md says
EXPORTERS = {
    "torchscript": {"dynamo": False, "opset_version": 17},
    "torchscript-kept": {
        "dynamo": False,
        "opset_version": 16,
        "training": torch.onnx.TrainingMode.PRESERVE,
        "do_constant_folding": False,
    },
    "dynamo": {"dynamo": True, "external_data": False},
    "dynamo-kept": {"dynamo": True, "optimize": False, "external_data": False},
}
CLASSES = 10
# name: (library, its name of the network, side of the image or length of the sequence, exporter, options)
NETWORKS = {}


def torchvision(name, side, exporter, **options):
    NETWORKS[f"tv-{name}"] = ("torchvision", name, side, exporter, options)


def timm(name, side, exporter, **options):
    NETWORKS[f"timm-{name}"] = ("timm", name, side, exporter, options)


def transformers(name, side, exporter, **options):
    NETWORKS[f"hf-{name}"] = ("transformers", name, side, exporter, options)


torchvision("alexnet", 224, "torchscript")
torchvision("vgg11", 64, "dynamo")
torchvision("vgg11_bn", 224, "torchscript-kept")
torchvision("resnet18", 64, "torchscript")
torchvision("resnet34", 64, "torchscript-kept")
torchvision("resnet50", 64, "dynamo")
torchvision("resnext50_32x4d", 64, "dynamo-kept")
torchvision("wide_resnet50_2", 64, "torchscript")
torchvision("densenet121", 64, "dynamo-kept")
torchvision("mobilenet_v2", 64, "dynamo")
torchvision("mobilenet_v3_small", 64, "torchscript-kept")
torchvision("mobilenet_v3_large", 64, "dynamo")
torchvision("efficientnet_b0", 64, "torchscript")
torchvision("efficientnet_v2_s", 64, "dynamo-kept")
torchvision("mnasnet0_5", 64, "torchscript")
torchvision("shufflenet_v2_x0_5", 64, "torchscript-kept")
torchvision("shufflenet_v2_x1_0", 64, "dynamo")
torchvision("squeezenet1_1", 64, "dynamo")
torchvision("googlenet", 64, "torchscript", aux_logits=False, init_weights=False)
torchvision("inception_v3", 96, "dynamo", aux_logits=False, init_weights=False)
torchvision("regnet_x_400mf", 64, "dynamo")
torchvision("regnet_y_400mf", 64, "torchscript-kept")
torchvision("convnext_tiny", 64, "torchscript")
torchvision("vit_b_16", 64, "dynamo", image_size=64)
torchvision("swin_t", 64, "torchscript")
torchvision("swin_v2_t", 64, "dynamo")
torchvision("maxvit_t", 224, "torchscript")
torchvision("segmentation.lraspp_mobilenet_v3_large", 64, "torchscript", weights_backbone=None)
torchvision("segmentation.fcn_resnet50", 64, "dynamo", weights_backbone=None)
torchvision("video.r3d_18", 32, "torchscript")

timm("ecaresnet26t", 64, "torchscript")
timm("seresnet18", 64, "dynamo")
timm("resmlp_12_224", 64, "dynamo", img_size=64)
timm("mixer_s32_224", 64, "torchscript", img_size=64)
timm("convnextv2_atto", 64, "dynamo")
timm("deit_tiny_patch16_224", 64, "torchscript", img_size=64, depth=4)
timm("levit_128s", 64, "dynamo", img_size=64)
timm("mobilevit_xxs", 64, "torchscript-kept")
timm("mobilevitv2_050", 64, "dynamo")
timm("poolformer_s12", 64, "torchscript")
timm("cait_xxs24_224", 64, "dynamo", img_size=64, depth=4)
timm("xcit_nano_12_p16_224", 64, "torchscript", img_size=64, depth=4)
timm("ghostnet_050", 64, "dynamo-kept")
timm("hrnet_w18_small", 64, "torchscript")
timm("dla46_c", 64, "dynamo")
timm("repvgg_a0", 64, "dynamo-kept")
timm("nfnet_l0", 64, "torchscript")
timm("efficientvit_b0", 64, "dynamo")
timm("efficientvit_m0", 64, "torchscript", img_size=64)
timm("gmlp_ti16_224", 64, "torchscript", img_size=64)
timm("coat_lite_tiny", 64, "dynamo", img_size=64)
timm("pvt_v2_b0", 64, "torchscript")
timm("visformer_tiny", 64, "dynamo", img_size=64)
timm("edgenext_xx_small", 64, "torchscript")
timm("res2net50_26w_4s", 64, "dynamo")
timm("resnest14d", 64, "torchscript")
timm("skresnet18", 64, "dynamo")
timm("convmixer_768_32", 64, "torchscript")
timm("rexnet_100", 64, "torchscript-kept")
timm("mobilenetv4_conv_small", 64, "dynamo")

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 99}
GPT = {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "vocab_size": 99, "max_position_embeddings": 32}
LLAMA = {**TINY, "num_key_value_heads": 4, "max_position_embeddings": 64}
transformers("bert", 12, "torchscript", **TINY)
transformers("bert-dynamo", 12, "dynamo", kind="bert", **TINY)
transformers("distilbert", 12, "dynamo", dim=32, n_layers=2, n_heads=4, hidden_dim=64, vocab_size=99)
transformers("roberta", 12, "torchscript", **TINY)
transformers("albert", 12, "dynamo", embedding_size=16, **TINY)
transformers("electra", 12, "torchscript", embedding_size=16, **TINY)
transformers("mobilebert", 12, "dynamo", **{**TINY, "intra_bottleneck_size": 16, "embedding_size": 16, "true_hidden_size": 16})
transformers("gpt2", 12, "dynamo", n_embd=32, n_layer=2, n_head=4, vocab_size=99, n_positions=32)
transformers("gpt_neo", 12, "dynamo", attention_types=[[["global", "local"], 1]], window_size=4, **GPT)
transformers("opt", 12, "torchscript", ffn_dim=64, word_embed_proj_dim=32, max_position_embeddings=32,
             **{k: v for k, v in TINY.items() if k != "intermediate_size"})
transformers("llama", 12, "dynamo", **LLAMA)
transformers("llama-grouped", 12, "dynamo", kind="llama", **{**LLAMA, "num_key_value_heads": 2})
transformers("mistral", 12, "dynamo", sliding_window=None, **LLAMA)
transformers("qwen2", 12, "dynamo", **LLAMA)
transformers("t5", 12, "torchscript", d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, vocab_size=99)
VIT = {**{k: v for k, v in TINY.items() if k != "vocab_size"}, "image_size": 32, "patch_size": 8}
transformers("vit", 32, "torchscript", **VIT)
transformers("deit", 32, "dynamo", **VIT)
transformers("dinov2", 32, "torchscript", **{k: v for k, v in VIT.items() if k != "intermediate_size"})
transformers("swin", 32, "dynamo", image_size=32, patch_size=2, embed_dim=16, depths=[1, 1], num_heads=[2, 4], window_size=4)
transformers("convnext", 32, "dynamo", hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 2, 1])
transformers("segformer", 64, "torchscript", hidden_sizes=[16, 32, 40, 64], depths=[1, 1, 1, 1], decoder_hidden_size=32)
transformers("wav2vec2", 4000, "torchscript", conv_dim=(16, 16, 16), conv_stride=(5, 4, 4), conv_kernel=(10, 4, 4),
             num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=4, **TINY)
transformers("resnet", 32, "dynamo", embedding_size=16, hidden_sizes=[16, 32], depths=[1, 2])


class Logits(nn.Module):
    """A model of which the export has the tensors that a user wants: logits, or the last hidden state."""

    def __init__(self, model, only):
        super().__init__()
        self.model, self.only = model, only

    def forward(self, x):
        out = self.model(x, **self.only)
        for field in ("logits", "out", "last_hidden_state"):
            if isinstance(out, dict) and field in out:
                return out[field]
        return out[0] if isinstance(out, tuple) else out


def of_torchvision(name, side, options):
    import torchvision.models as models

    folder, _, own = name.rpartition(".")
    place = getattr(models, folder) if folder else models
    model = getattr(place, own)(weights=None, num_classes=CLASSES, **options)
    x = torch.randn(1, 3, 4, side, side) if folder == "video" else torch.randn(1, 3, side, side)
    return (Logits(model, {}) if folder == "segmentation" else model), x


def of_timm(name, side, options):
    import timm as library

    return library.create_model(name, pretrained=False, num_classes=CLASSES, **options), torch.randn(1, 3, side, side)


HEADS = {
    "gpt2": "GPT2LMHeadModel", "gpt_neo": "GPTNeoForCausalLM", "opt": "OPTForCausalLM", "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM", "qwen2": "Qwen2ForCausalLM", "t5": "T5EncoderModel",
    "vit": "ViTForImageClassification", "deit": "DeiTForImageClassification", "swin": "SwinForImageClassification",
    "dinov2": "Dinov2ForImageClassification", "convnext": "ConvNextForImageClassification",
    "resnet": "ResNetForImageClassification", "segformer": "SegformerForSemanticSegmentation",
    "wav2vec2": "Wav2Vec2ForCTC", "bert": "BertForSequenceClassification",
    "distilbert": "DistilBertForSequenceClassification", "roberta": "RobertaForSequenceClassification",
    "albert": "AlbertForSequenceClassification", "electra": "ElectraForSequenceClassification",
    "mobilebert": "MobileBertForSequenceClassification",
}
CAUSAL = ("gpt2", "gpt_neo", "opt", "llama", "mistral", "qwen2")


def of_transformers(name, side, options):
    import transformers as library

    kind = options.pop("kind", name)
    config = library.AutoConfig.for_model(kind, num_labels=CLASSES, **options)
    eager = ("bert", "gpt_neo", "convnext", "resnet")
    config._attn_implementation = "eager" if name.endswith(eager) else "sdpa"
    config.use_cache = False
    model = getattr(library, HEADS[kind])(config)
    if kind == "wav2vec2":
        return Logits(model, {}), torch.randn(1, side)
    if getattr(config, "image_size", None) or kind in ("convnext", "segformer", "resnet"):
        return Logits(model, {}), torch.randn(1, 3, side, side)
    return Logits(model, {"use_cache": False} if kind in CAUSAL else {}), torch.randint(5, 99, (1, side))


def draw(model):
    """Random numbers where a library has the same one everywhere: an export that leaves such a tensor out is not seen."""
    seen = set()
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if not tensor.is_floating_point() or tensor.numel() < 2 or tensor.data_ptr() in seen:
            continue
        seen.add(tensor.data_ptr())
        same = bool((tensor == tensor.flatten()[0]).all())
        if name.endswith("running_var"):
            tensor.data.uniform_(0.5, 1.5)
        elif name.endswith("running_mean"):
            tensor.data.normal_(0, 0.1)
        elif same and float(tensor.flatten()[0]) == 1:
            tensor.data.uniform_(0.7, 1.3)
        elif same:
            tensor.data.normal_(0, 0.1)


def write(name, folder):
    library, own, side, exporter, options = NETWORKS[name]
    torch.manual_seed(sum(map(ord, name)))
    model, x = {"torchvision": of_torchvision, "timm": of_timm, "transformers": of_transformers}[library](
        own, side, dict(options)
    )
    model.eval()
    with torch.no_grad():
        draw(model)
        out = model(x)
    folder.mkdir(parents=True, exist_ok=True)
    quiet = io.StringIO()
    try:
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet), torch.no_grad():
            torch.onnx.export(model, (x,), str(folder / "model.onnx"), input_names=["x"], **EXPORTERS[exporter])
    except Exception:
        (folder / "model.onnx").unlink(missing_ok=True)
        raise
    outs = {"out": out} if isinstance(out, torch.Tensor) else {f"out{k}": part for k, part in enumerate(out)}
    save_file({"x": x, **{key: value.detach().contiguous().clone() for key, value in outs.items()}}, folder / "io.safetensors")
    shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
    import onnx

    file = onnx.load(folder / "model.onnx", load_external_data=False)
    opset = next(entry.version for entry in file.opset_import if entry.domain == "")
    facts = {"library": library, "exporter": exporter, "opset": opset, "parameters": shapes}
    (folder / "facts.json").write_text(json.dumps(facts, indent=1))
    size = (folder / "model.onnx").stat().st_size / 1e6
    print(f"{name}: {exporter}, opset {opset}, {len(file.graph.node)} nodes, {size:.1f} MB", flush=True)


def main(folder, names):
    failed = 0
    for name in names or NETWORKS:
        if name not in NETWORKS:
            sys.exit(f"{name}: not one of {', '.join(NETWORKS)}")
        if not names and (folder / name / "facts.json").exists():
            continue
        try:
            write(name, folder / name)
        except Exception as error:
            failed += 1
            print(f"{name}: NOT EXPORTED: {str(error).splitlines()[0] if str(error) else type(error).__name__}", flush=True)
            if names:
                traceback.print_exc()
    return failed


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(1 if main(Path(sys.argv[1]), sys.argv[2:]) else 0)
