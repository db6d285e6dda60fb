"""Language models and adapters of random weights that are made in a moment, in the layouts of transformers and PEFT."""

import string
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, PromptTuningConfig, TaskType, get_peft_model
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

SPECIAL = ["<pad>", "<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
WORDS = ["red", "tea", "pot", "pots", "garden", "car", "cars", "blue", "name", "these", "user", "assistant", "system"]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tokenizer(template: str | None = None, start: bool = False, end: bool = False) -> PreTrainedTokenizerFast:
    """A BPE tokenizer of words, letters and signs.

    Args:
        template: of dialogues.
        start: whether every text begins with a mark.
        end: whether every text ends with one.
    """
    tokenizer = Tokenizer(BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    letters = [*string.ascii_letters, *string.digits, *string.punctuation, "\n", "▁"]
    trainer = BpeTrainer(vocab_size=160, initial_alphabet=letters, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator([" ".join(WORDS)], trainer)
    tokenizer.model.unk_token = "<unk>"  # training forgets it
    single = ["<s>"] * start + ["$A"] + ["</s>"] * end
    tokenizer.post_processor = TemplateProcessing(" ".join(single), special_tokens=[("<s>", 2), ("</s>", 3)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>" if start else None,
        eos_token="<|im_end|>" if template else "</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=template,
    )


def make_llama(folder: Path, template: str | None = TEMPLATE, start: bool = False, seed: int = 0) -> Path:
    """A Llama that reads on; with a template one that is spoken with."""
    tokenizer = make_tokenizer(template, start)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.5,
        bos_token_id=2,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_t5(folder: Path, seed: int = 0) -> Path:
    """A T5, which encodes a whole prompt before it generates."""
    tokenizer = make_tokenizer(end=True)
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=24,
        d_kv=6,
        d_ff=32,
        num_layers=2,
        num_heads=4,
        dropout_rate=0.0,
        eos_token_id=3,
        pad_token_id=0,
        decoder_start_token_id=0,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
    )
    model = T5ForConditionalGeneration(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.5)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def load_plain(folder: Path) -> LlamaForCausalLM | T5ForConditionalGeneration:
    """The model as transformers alone has it."""
    kind = AutoModelForSeq2SeqLM if "T5" in (folder / "config.json").read_text() else AutoModelForCausalLM
    return kind.from_pretrained(folder, local_files_only=True).eval()


def make_lora(model_folder: Path, folder: Path, seed: int = 1) -> Path:
    """LoRA for each projection of queries and values."""
    model = load_plain(model_folder)
    names = ["q", "v"] if model.config.is_encoder_decoder else ["q_proj", "v_proj"]
    return _save(model, LoraConfig(task_type=_task(model), r=4, lora_alpha=8, target_modules=names), folder, seed)


def make_soft_prompt(model_folder: Path, folder: Path, tokens: int = 5, seed: int = 1) -> Path:
    """A soft prompt, as prompt tuning learns it."""
    model = load_plain(model_folder)
    return _save(model, PromptTuningConfig(task_type=_task(model), num_virtual_tokens=tokens), folder, seed)


def load_tuned(model_folder: Path, folder: Path) -> PeftModel:
    """The model with its adapter as PEFT has it, nothing merged."""
    return PeftModel.from_pretrained(load_plain(model_folder), folder).eval()


def _task(model: torch.nn.Module) -> TaskType:
    return TaskType.SEQ_2_SEQ_LM if model.config.is_encoder_decoder else TaskType.CAUSAL_LM


def _save(model: torch.nn.Module, config: LoraConfig | PromptTuningConfig, folder: Path, seed: int) -> Path:
    tuned = get_peft_model(model, config)
    torch.manual_seed(seed)
    with torch.no_grad():
        for weight in tuned.parameters():
            if weight.requires_grad:
                weight.normal_(0, 0.5)
    tuned.save_pretrained(folder)
    return folder
