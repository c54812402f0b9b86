"""`har train`: from a dataset to a pruned model folder, as section III of the paper says."""

from __future__ import annotations

import argparse
import errno
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS
from har_ros.core.resources import find_model
from har_ros.training.job import Job
from har_ros.training.options import add_feature_arguments, use_threads
from har_ros.training.profile import Profile, load_profile

_EXAMPLE = """example:
  har train Dataset --profile paper --out models/mine --test TestSet
Trains, prunes and exports; 1200 captures take about half an hour on two cores. The run's folder gets the curves,
the confusion matrix, a table of the epochs and the model before pruning. After Ctrl-C the same command with
--resume goes on with the last whole epoch. The split goes by subject: nobody is in training and validation.
A test set must show people whom the dataset doesn't.
"""

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    add_feature_arguments(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the model's folder, such as models/mine"
    )
    parser.add_argument(
        "--profile",
        default="paper",
        metavar="NAME",
        help="a profile under config/profiles, or a YAML file (default paper)",
    )
    parser.add_argument(
        "--test", type=Path, metavar="DATASET", help="also score on these captures, for the model's card"
    )
    parser.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="folder of the run (default runs/ and the model's name)"
    )
    parser.add_argument(
        "--allow-unknown-subjects",
        action="store_true",
        help="train although captures name no subject; the split may then leak, and the card says so",
    )
    parser.add_argument("--size", type=int, metavar="PX", help="side of the pictures, such as 160 or 224")
    parser.add_argument(
        "--structured", type=float, metavar="SHARE", help="take this share of the channels out; 0 leaves the step out"
    )
    parser.add_argument(
        "--sparsity", type=float, metavar="SHARE", help="set this share of the weights to zero; 0 leaves the step out"
    )
    parser.add_argument("--int8", action=argparse.BooleanOptionalAction, help="quantise the encoder, or don't")
    parser.add_argument(
        "--folds", type=int, metavar="N", help="also leave out each N-th of the subjects once, and score them"
    )
    parser.add_argument(
        "--other-seeds", type=int, metavar="N", help="also train new heads from N other seeds, to see what chance does"
    )
    parser.add_argument(
        "--leave-out", choices=LABELS, metavar="ACTIVITY",
        help="train without this activity, to see whether har evaluate finds it unknown",
    )  # fmt: skip
    parser.add_argument(
        "--warm-start",
        metavar="MODEL",
        help="begin with a trained model's networks, to adapt it to "
        "a few own captures, or to make it smaller still; of compression only the steps that are given here are taken, "
        "and int8 again where it was",
    )
    parser.add_argument(
        "--keep-heads",
        action="store_true",
        help="with --warm-start: only make the frozen layers smaller; what comes after them is calibrated, not trained",
    )
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")


def run(args: argparse.Namespace) -> int:
    """Train the model that the options describe and print where it is and how good. Raises HarError."""
    from har_ros.training.run import help_to_train, train_model  # these take PyTorch, and --help does without
    from har_ros.training.team import LEADS, team

    if args.folds is not None and args.folds < 2:
        raise HarError(f"--folds is {args.folds}; give 2 or more, at most as many as there are subjects")
    if args.other_seeds is not None and args.other_seeds < 1:
        raise HarError(f"--other-seeds is {args.other_seeds}; give 1 or more, or leave it out")
    profile = _profile(args)
    _refuse_clashes(args, profile)
    use_threads(args.threads)
    job = Job(
        dataset=args.dataset,
        test=args.test,
        empty=args.empty,
        warm_start=find_model(args.warm_start) if args.warm_start else None,
        folds=args.folds or 0,
        other_seeds=args.other_seeds or 0,
        leave_out=args.leave_out,
        out=args.out,
        folder=args.run_dir or Path("runs") / args.out.name,
        cache=args.cache,
        weights=args.weights,
        profile=profile,
        threads=args.threads,
        resume=args.resume,
        allow_unknown_subjects=args.allow_unknown_subjects,
        command=_command(args),
    )
    try:
        with team():
            if LEADS:
                print(train_model(job))
            else:
                help_to_train(job)
    except KeyboardInterrupt:
        again = "a recovery of pruned layers begins again"
        print(f"stopped; the same command with --resume goes on with the last whole epoch; {again}", file=sys.stderr)
        raise
    except OSError as error:
        place, why = error.filename or job.folder, error.strerror or error
        if error.errno in _UNWRITABLE:
            raise HarError(f"can't write '{place}' ({why}); free space or give another folder") from None
        raise HarError(f"can't read '{place}' ({why}); leave its files alone, and go on with --resume") from None
    return 0


def _refuse_clashes(args: argparse.Namespace, profile: Profile) -> None:
    """Raise HarError where one option would make of the other what it doesn't say."""
    anew = "--folds" if args.folds else "--other-seeds" if args.other_seeds else None
    if args.folds and args.leave_out:
        raise HarError("--folds judges whole models, and --leave-out makes another; leave one of them out")
    if args.warm_start and args.leave_out:
        raise HarError("--warm-start begins with what a model learnt, so --leave-out can't; leave one of them out")
    if args.out.resolve() in {place.resolve() for place in (args.dataset, args.test) if place}:
        raise HarError(f"--out '{args.out}' is a folder of captures; give one for the model, such as models/mine")
    if args.warm_start and args.out.resolve() == find_model(args.warm_start).resolve():
        raise HarError(f"--out would take the place of '{args.warm_start}', which it begins with; give another folder")
    if args.warm_start and args.folds:
        raise HarError("--folds trains heads anew, which --warm-start doesn't; leave one of them out")
    if args.warm_start and args.other_seeds and not args.keep_heads:
        raise HarError("--other-seeds trains heads anew, --warm-start adapts them; leave one out, or add --keep-heads")
    if args.keep_heads and not args.warm_start:
        raise HarError("--keep-heads keeps those of a trained model; give it with --warm-start")
    if args.keep_heads and not profile.compression.steps:
        raise HarError("--keep-heads alone changes nothing; add --structured or --int8")
    if args.keep_heads and args.sparsity:
        raise HarError("--sparsity sets weights of the heads to zero, too, which --keep-heads forbids; leave one out")
    if profile.pictures.trainable_blocks and anew:
        raise HarError(f"{anew} trains heads alone; give a profile with pictures.trainable_blocks: 0")


def _profile(args: argparse.Namespace) -> Profile:
    """Return the profile as the other options change it.

    What a model to begin with was made smaller by is not done again: only what the options ask for, and then it ends in
    integers where it was in integers.
    """
    structured, sparsity, int8 = args.structured, args.sparsity, args.int8
    if args.warm_start:
        from har_ros.inference.quantise import is_float  # see run

        structured, sparsity = structured or 0.0, sparsity or 0.0
        if int8 is None:
            int8 = bool(structured or sparsity) and not is_float(find_model(args.warm_start))
    profile = load_profile(args.profile).compressed(structured, sparsity, int8)
    if args.keep_heads:
        profile = replace(profile, compression=replace(profile.compression, finetune_epochs=0))
    if args.size is not None:
        profile = replace(profile, pictures=replace(profile.pictures, frame_size_px=args.size))
    return profile


def _command(args: argparse.Namespace) -> str:
    """Return the command that gives this model again, whatever folders and threads it ran with."""
    words = ["har", "train", args.dataset, "--profile", args.profile, "--out", args.out]
    words += ["--test", args.test] if args.test else []
    words += ["--empty", args.empty] if args.empty else []
    names = ("size", "structured", "sparsity", "warm_start", "folds", "other_seeds", "leave_out")
    given = {name: getattr(args, name) for name in names}
    for name, value in given.items():
        words += [] if value is None else [f"--{name.replace('_', '-')}", value]
    words += [] if args.int8 is None else ["--int8" if args.int8 else "--no-int8"]
    words += ["--keep-heads"] if args.keep_heads else []
    words += ["--allow-unknown-subjects"] if args.allow_unknown_subjects else []
    return shlex.join(map(str, words))
