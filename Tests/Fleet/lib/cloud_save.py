"""Prints every secret of the AWS endpoint as one JSON document: name -> {version, values}. Runs with the fleet's virtual
environment, which has boto3."""

import json

import boto3

manager = boto3.client("secretsmanager")
found = {}
for page in manager.get_paginator("list_secrets").paginate():
    for entry in page["SecretList"]:
        answer = manager.get_secret_value(SecretId=entry["Name"])
        try:
            values = json.loads(answer["SecretString"])
        except (KeyError, ValueError):
            continue  # what a test made
        if isinstance(values, dict):
            found[entry["Name"]] = {"version": answer["VersionId"], "values": values}
print(json.dumps(found, ensure_ascii=False))
