"""Small recorded runs of sources under licenses."""

import torch
from torch.utils.data import DataLoader, TensorDataset

from origin.hooks.pytorch import DataLoaderHook

COMMERCIAL = "distribute-weights-commercially"


def train(db, session_id, source, license_id=None, rows=8, **options):
    hook = DataLoaderHook(db, session_id, source, license_id, **options)
    for _ in hook.wrap(DataLoader(TensorDataset(torch.arange(float(rows))), batch_size=4)):
        pass


def a_run(db, **licenses):
    with db.session("v1") as session:
        for source, license_id in licenses.items():
            train(db, session.session_id, source, license_id)
    return session.session_id
