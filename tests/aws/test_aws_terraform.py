# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Terraform with its AWS provider: apply, a plan that is empty, a change, import with an empty plan, destroy.

Runs where the program and a mirror of the provider are found; nothing is downloaded."""
import contextlib
import glob
import json
import os
import re
import shutil
import tempfile

from aws_client import REGION, AwsBed
from testbed import Skip, note

MIRRORS = ("/opt/*", "/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins",
           os.path.expanduser("~/.terraform.d/plugins"))

PROVIDER = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region                      = "%(region)s"
  access_key                  = "%(key)s"
  secret_key                  = "%(secret)s"
  skip_metadata_api_check     = true
  endpoints {
    servicediscovery = "%(endpoint)s"
    ecs              = "%(endpoint)s"
    sts              = "%(endpoint)s"
  }
}
"""

CLOUD_MAP = """
resource "aws_service_discovery_http_namespace" "http" {
  name        = "http"
  description = "%(word)s"
  tags        = { a = "b" }
}
resource "aws_service_discovery_private_dns_namespace" "private" {
  name = "private.local"
  vpc  = "vpc-1"
}
resource "aws_service_discovery_public_dns_namespace" "public" {
  name = "public.example"
}
resource "aws_service_discovery_service" "web" {
  name        = "web"
  description = "%(word)s"
  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.private.id
    routing_policy = "MULTIVALUE"
    dns_records {
      ttl  = %(ttl)s
      type = "A"
    }
  }
  health_check_custom_config { failure_threshold = 1 }
}
resource "aws_service_discovery_service" "plain" {
  name         = "plain"
  namespace_id = aws_service_discovery_http_namespace.http.id
}
resource "aws_service_discovery_service" "checked" {
  name = "checked"
  dns_config {
    namespace_id = aws_service_discovery_public_dns_namespace.public.id
    dns_records {
      ttl  = 10
      type = "A"
    }
  }
  health_check_config {
    failure_threshold = 3
    resource_path     = "/health"
    type              = "HTTP"
  }
}
resource "aws_service_discovery_instance" "one" {
  instance_id = "one"
  service_id  = aws_service_discovery_service.web.id
  attributes  = { AWS_INSTANCE_IPV4 = "127.9.8.1", AWS_INSTANCE_PORT = "8080", word = "%(word)s" }
}
"""

ECS = """
resource "aws_service_discovery_http_namespace" "shop" { name = "shop" }
resource "aws_ecs_cluster" "c" {
  name = "c"
  service_connect_defaults { namespace = aws_service_discovery_http_namespace.shop.arn }
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
  tags = { word = "%(word)s" }
}
resource "aws_ecs_task_definition" "web" {
  family                   = "web"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512
  container_definitions = jsonencode([{
    name  = "app", image = "tiny:1", essential = true
    portMappings = [{ name = "http", containerPort = 8080, appProtocol = "http" }]
    environment  = [{ name = "WORD", value = "%(word)s" }]
  }])
}
resource "aws_ecs_service" "web" {
  name            = "web"
  cluster         = aws_ecs_cluster.c.id
  task_definition = aws_ecs_task_definition.web.arn
  launch_type     = "FARGATE"
  desired_count   = %(count)s
  network_configuration { subnets = ["subnet-1"] }
  service_connect_configuration {
    enabled   = true
    namespace = aws_service_discovery_http_namespace.shop.arn
    service {
      port_name      = "http"
      discovery_name = "web"
      client_alias {
        port     = 80
        dns_name = "web"
      }
    }
  }
}
resource "aws_ecs_service" "client" {
  name            = "client"
  cluster         = aws_ecs_cluster.c.id
  task_definition = aws_ecs_task_definition.web.arn
  launch_type     = "FARGATE"
  network_configuration { subnets = ["subnet-1"] }
  service_connect_configuration { enabled = true }
}
resource "aws_ecs_service" "plain" {
  name            = "plain"
  cluster         = aws_ecs_cluster.c.id
  task_definition = aws_ecs_task_definition.web.arn
  desired_count   = 0
  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }
  network_configuration { subnets = ["subnet-1"] }
}
"""

# How each is named to import, from the attributes in the state.
IMPORTS = {
    "aws_service_discovery_http_namespace": "{id}", "aws_service_discovery_public_dns_namespace": "{id}",
    "aws_service_discovery_private_dns_namespace": "{id}:{vpc}", "aws_service_discovery_service": "{id}",
    "aws_service_discovery_instance": "{service_id}/{instance_id}", "aws_ecs_cluster": "{name}",
    "aws_ecs_task_definition": "{arn}", "aws_ecs_service": "c/{name}"}


def find_plugins():
    for place in MIRRORS:
        for found in sorted(glob.glob(f"{place}/registry.terraform.io/hashicorp/aws/*/linux_*/terraform-provider-aws*")):
            return found.split("/registry.terraform.io/")[0]
    raise Skip(f"no mirror of the provider hashicorp/aws in {', '.join(MIRRORS)}")


class Terraform:
    def __init__(self, bed, folder):
        self.bed, self.folder = bed, folder
        self.program = shutil.which("terraform") or shutil.which("tofu")
        if not self.program:
            raise Skip("neither terraform nor tofu is installed")
        self.plugins = find_plugins()

    def write(self, text, **values):
        key, secret = self.bed.key()
        with open(f"{self.folder}/main.tf", "w", encoding="utf-8") as file:
            file.write((PROVIDER + text) % {"region": REGION, "key": key, "secret": secret, "endpoint": self.bed.endpoint,
                                            **values})

    def __call__(self, *words, rc=0):
        result = self.bed.run([self.program, f"-chdir={self.folder}", *words], timeout=180, env=self.bed.environment(
            CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1", TF_INPUT="0", HOME=self.folder, TF_CLI_CONFIG_FILE="/dev/null"))
        assert result.rc == rc, (words, result.rc, result.out[-3000:], result.err[-3000:])
        return result.out

    def init(self):
        self("init", "-no-color", f"-plugin-dir={self.plugins}")

    def apply(self):
        return self("apply", "-no-color", "-auto-approve")

    def expect_empty_plan(self):
        self("plan", "-no-color", "-detailed-exitcode")

    def state(self):
        found = json.loads(self("show", "-json"))["values"]["root_module"]["resources"]
        return {item["address"]: item for item in found}


@contextlib.contextmanager
def terraform(bed):
    with tempfile.TemporaryDirectory(dir=bed.base) as folder:
        yield Terraform(bed, folder)


def import_all(bed, first, text, values):
    """The same configuration in another folder, which knows nothing yet: everything is imported, nothing made or replaced, and
    then nothing would change. What the provider keeps for itself (force_destroy, skip_destroy) it may set meanwhile."""
    blocks = "".join('import {\n  to = %s\n  id = "%s"\n}\n' % (
        address, IMPORTS[item["type"]].format(**item["values"])) for address, item in first.state().items())
    with terraform(bed) as second:
        second.write(text + blocks.replace("%", "%%"), **values)
        second.init()
        out = second.apply()
        counts = re.search(r"(\d+) imported, (\d+) added, (\d+) changed, (\d+) destroyed", out)
        assert counts and (counts[2], counts[4]) == ("0", "0"), out
        second.expect_empty_plan()


def walk(text, before, after, check):
    with AwsBed() as bed, terraform(bed) as terra:
        terra.write(text, **before)
        terra.init()
        terra.apply()
        terra.expect_empty_plan()
        terra.write(text, **after)
        terra.apply()
        terra.expect_empty_plan()
        check(bed)
        import_all(bed, terra, text, after)
        terra("destroy", "-no-color", "-auto-approve")
        assert not bed.call("ListNamespaces")[1]["Namespaces"]
        note(f"{len(re.findall('^resource', text, re.MULTILINE))} resources, {os.path.basename(terra.program)}")


def test_cloud_map():
    def check(bed):
        services = {item["Name"]: item for item in bed.call("ListServices")[1]["Services"]}
        assert set(services) == {"web", "plain", "checked"} and services["web"]["Description"] == "two", services

    walk(CLOUD_MAP, {"word": "one", "ttl": 10}, {"word": "two", "ttl": 20}, check)


def test_ecs():
    def check(bed):
        answer = bed.call("DescribeServices", {"cluster": "c", "services": ["web"]}, service="ecs")[1]["services"][0]
        assert answer["desiredCount"] == 2 and answer["taskDefinition"].endswith("web:2"), answer

    walk(ECS, {"word": "one", "count": 1}, {"word": "two", "count": 2}, check)


test_cloud_map.timeout = test_ecs.timeout = 600
