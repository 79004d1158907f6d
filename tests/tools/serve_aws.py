"""Runs ministack until standard input closes, so that it cannot outlive the test that started it, however that ends."""

import os
import sys
import threading

from ministack import app
from ministack.core import iam_actions

extract_iam_action = iam_actions.extract_iam_action
pin_request_origin = app.pin_request_origin

# There is no right of its own for a batch: on AWS the right to the single call covers it. ministack 1.5.33 asks for one.
BATCHES = {
    f"sqs:{call}Batch": f"sqs:{call}" for call in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
}


def extract_as_aws_does(*arguments, **named):
    action = extract_iam_action(*arguments, **named)
    return BATCHES.get(action, action)


def pin_as_if_over_tls(source_ip, _secure_transport):
    """The template's policies refuse plain http, and this loopback port speaks nothing else."""
    pin_request_origin(source_ip, True)


def watch() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


iam_actions.extract_iam_action = extract_as_aws_does
app.pin_request_origin = pin_as_if_over_tls
threading.Thread(target=watch, daemon=True).start()
# ministack reads arguments of its own.
sys.argv = ["ministack"]
app.main()
