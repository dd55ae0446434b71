"""Small models to train, each with its data and its step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

LABELS = 10
PIXELS = 32
WORDS, TOKENS, WIDTH = 1000, 64, 64


@dataclass(frozen=True)
class Task:
    """Something to train.

    Args:
        name: in words.
        data: the training set, ``(input, label)`` pairs.
        batch_size: of its loader.
        step: trains on one batch.
    """

    name: str
    data: TensorDataset
    batch_size: int
    step: Callable[[Any], None]


def tasks(samples: int) -> list[Task]:
    """All of them, with so many samples each."""
    labels = torch.randint(0, LABELS, (samples,))
    tokens = torch.randint(0, WORDS, (samples, TOKENS + 1))
    vectors = TensorDataset(torch.randn(samples, 784), labels)
    # Images and sequences take longer: fewer of them make an epoch.
    few = max(64, samples // 10)
    images = TensorDataset(torch.randn(few, 3, PIXELS, PIXELS), labels[:few])
    texts = TensorDataset(tokens[:few, :-1].contiguous(), tokens[:few, 1:].contiguous())
    return [
        Task("perceptron 784-256-10, batch 64", vectors, 64, _step(perceptron())),
        Task("convolutions, images of 32 by 32, batch 64", images, 64, _step(convolutions())),
        Task("transformer, 64 tokens, batch 32", texts, 32, _step(Transformer())),
    ]


def perceptron() -> nn.Module:
    """One hidden layer: a step so short that recording has nowhere to hide."""
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, LABELS))


def convolutions() -> nn.Module:
    """Three convolutions and a linear layer."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * (PIXELS // 4) ** 2, LABELS),
    )


class Transformer(nn.Module):
    """Two layers that guess the next token of 64."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.places = nn.Parameter(torch.zeros(TOKENS, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, dropout=0.0, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2)
        self.out = nn.Linear(WIDTH, WORDS)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(TOKENS))

    def forward(self, tokens: Tensor) -> Tensor:
        """The next token's scores, classes second as the loss wants them."""
        within = self.layers(self.words(tokens) + self.places, mask=self.mask)
        return self.out(within).transpose(1, 2)


def _step(model: nn.Module) -> Callable[[Any], None]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    loss = nn.CrossEntropyLoss()

    def step(batch: Any) -> None:
        inputs, labels = batch
        optimizer.zero_grad()
        loss(model(inputs), labels).backward()
        optimizer.step()

    return step
