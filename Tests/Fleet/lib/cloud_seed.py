"""Fills the AWS endpoint from a JSON document on stdin. Runs with the fleet's virtual environment, which has boto3."""

import json
import sys

import boto3

wish = json.loads(sys.stdin.buffer.read().decode("utf-8"))

manager = boto3.client("secretsmanager")
existing = {entry["Name"] for page in manager.get_paginator("list_secrets").paginate() for entry in page["SecretList"]}
for name, secret in wish["secrets"].items():
    value = {"SecretString": json.dumps(secret["values"], ensure_ascii=False), "ClientRequestToken": secret["version"]}
    if name not in existing:
        manager.create_secret(Name=name, **value)
    elif name in wish["current"] and manager.get_secret_value(SecretId=name)["VersionId"] != secret["version"]:
        manager.put_secret_value(SecretId=name, **value)

route53 = boto3.client("route53")
found = [z for z in route53.list_hosted_zones()["HostedZones"] if z["Name"] == wish["zone"] + "."]
zone = found[0] if found else route53.create_hosted_zone(
    Name=wish["zone"] + ".", CallerReference="cso-fleet", HostedZoneConfig={"PrivateZone": True},
    VPC={"VPCRegion": "eu-west-2", "VPCId": "vpc-00000000"})["HostedZone"]

# Upserts, and a deletion of what the fleet no longer has, so that `fleet add` and `remove` are the same call.
wanted = {(name + "." + wish["zone"] + ".", kind): value for name, kind, value in wish["records"]}
changes = [{"Action": "UPSERT", "ResourceRecordSet": {"Name": name, "Type": kind, "TTL": 300,
                                                      "ResourceRecords": [{"Value": value}]}}
           for (name, kind), value in wanted.items()]
for page in route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone["Id"]):
    for record in page["ResourceRecordSets"]:
        if record["Type"] in ("A", "CNAME") and (record["Name"], record["Type"]) not in wanted:
            changes.append({"Action": "DELETE", "ResourceRecordSet": record})
route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch={"Changes": changes})
print(zone["Id"].rsplit("/", 1)[-1])  # the endpoint makes another one at each start
