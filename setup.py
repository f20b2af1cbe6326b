"""Packaging of pd_bert."""

import pathlib

from setuptools import find_packages, setup

ROOT = pathlib.Path(__file__).parent
GIN = ["pd_bert.gin"] + [
    ".".join(["pd_bert", "gin", *path.relative_to(ROOT / "gin").parts])
    for path in sorted((ROOT / "gin").rglob("*"))
    if path.is_dir()
]
PROGRAMS = (
    "run",
    "prepare",
    "compare",
    "evaluate",
    "predict",
    "export",
    "search",
    "convert",
    "report",
)

setup(
    name="pd-bert",
    version="0.2.0",
    description="Compact BERT models by pre-trained distillation",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=[*find_packages(include=["pd_bert", "pd_bert.*"]), *GIN],
    # The recipes ship inside the wheel, as pd_bert/gin.
    package_dir={"pd_bert.gin": "gin"},
    package_data={
        **{name: ["*.gin"] for name in GIN},
        "pd_bert.report": ["templates/*"],
    },
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "tensorflow-text>=2.21,<2.22",
        "keras>=3.15,<3.16",
        "keras-nlp>=0.32,<0.33",
        "tensorflow-datasets>=4.9.10,<5",
        "importlib_resources>=6",  # tensorflow-datasets needs it and does not say so
        "absl-py>=2.3",
        "gin-config>=0.5,<0.6",
        "numpy>=2",
        "ml-dtypes>=0.5",
        "scipy>=1.15",
        "scikit-learn>=1.5",
        "seqeval>=1.2.2,<2",
        "psutil>=7",
        "tokenizers>=0.21",
        "safetensors>=0.5",
        "matplotlib>=3.10,<4",
        "tensorboard>=2.20",
        "datasketch>=2,<3",
        "optuna>=5,<6",
        "jinja2>=3.1,<4",
        "markupsafe>=2.1,<4",
        "tqdm>=4.66",
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.21,<2.22"],
        "test": [
            "pytest>=8",
            "pytest-xdist>=3.8",
            "ruff>=0.14",
            "mypy>=1.15",
            "transformers>=5",
            "torch",
        ],
    },
    entry_points={
        "console_scripts": [
            f"pd-bert-{name} = pd_bert.bin.{name}:main" for name in PROGRAMS
        ]
    },
)
