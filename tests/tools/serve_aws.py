"""Runs ministack until standard input closes, so that it stops with the test that started it, however the test ends."""

import os
import string
import sys
import threading

from ministack import app
from ministack.core import iam_actions
from ministack.core.responses import get_account_id
from ministack.services import eventbridge, sns, sqs
from ministack.services.cloudformation import provisioners

extract_iam_action = iam_actions.extract_iam_action
pin_request_origin = app.pin_request_origin
invoke_target = eventbridge._invoke_target
secret_string = provisioners._sm_secret_string

# Who asks the policy of a rule's target, by the service in the target's ARN.
POLICIES = {"sns": sns.topic_policy_allows, "sqs": sqs.queue_policy_allows}

# On AWS, the permission for the single call covers a batch too. ministack 1.5.33 requires a permission of its own.
BATCHES = {
    f"sqs:{call}Batch": f"sqs:{call}" for call in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
}


def extract_as_aws_does(*arguments, **named):
    action = extract_iam_action(*arguments, **named)
    return BATCHES.get(action, action)


def pin_as_if_over_tls(source_ip, _secure_transport):
    """The template's policies refuse plain http, but this loopback port has nothing else."""
    pin_request_origin(source_ip, True)


def invoke_if_its_policy_allows(target, event, rule, view=None):
    """On AWS a rule may only send what the policy of its target allows. ministack 1.5.33 does not ask it."""
    arn = target["Arn"]
    allows = POLICIES.get(arn.split(":")[2])
    if allows and not allows(arn, "events.amazonaws.com", rule.get("Arn", ""), get_account_id()):
        print(f"the policy of {arn} keeps the rule {rule.get('Name')} from sending to it", file=sys.stderr, flush=True)
        return
    invoke_target(target, event, rule, view)


def secret_without_what_is_excluded(properties):
    """ministack 1.5.33 puts punctuation into generated secrets although the template excludes it."""
    generate = properties.get("GenerateSecretString") or {}
    if str(generate.get("ExcludePunctuation")).lower() != "true":
        return secret_string(properties)
    excluded = generate.get("ExcludeCharacters", "") + string.punctuation
    return secret_string({**properties, "GenerateSecretString": {**generate, "ExcludeCharacters": excluded}})


def watch() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


iam_actions.extract_iam_action = extract_as_aws_does
app.pin_request_origin = pin_as_if_over_tls
eventbridge._invoke_target = invoke_if_its_policy_allows
provisioners._sm_secret_string = secret_without_what_is_excluded
threading.Thread(target=watch, daemon=True).start()
# ministack parses the arguments itself.
sys.argv = ["ministack"]
app.main()
