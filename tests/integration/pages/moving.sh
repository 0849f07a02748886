# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# What docs/moving.md takes for granted: AWS, which describes two services and a task definition.
have_programs
systemctl start svcconnectd
definition='"family": "backend", "containerDefinitions": [{"name": "backend", "portMappings": [{"name": "http", "containerPort": 8080}]}]'
cat >"$place/services" <<'END'
{"services": [
 {"serviceName": "backend", "taskDefinition": "backend", "deployments": [{"status": "PRIMARY", "taskDefinition": "backend",
  "serviceConnectConfiguration": {"enabled": true, "namespace": "shop", "services": [{"portName": "http", "discoveryName": "backend"}]}}]},
 {"serviceName": "frontend", "taskDefinition": "backend", "deployments": [{"status": "PRIMARY", "taskDefinition": "backend",
  "serviceConnectConfiguration": {"enabled": true, "namespace": "shop", "services": []}}]}], "failures": []}
END
echo "{\"taskDefinition\": {$definition}}" >"$place/definition"
cat >"$place/bin/aws" <<'END'
#!/bin/sh
case $2 in
describe-services) cat "$place/services" ;;
describe-task-definition) cat "$place/definition" ;;
*) exit 2 ;;
esac
END
chmod +x "$place/bin/aws"
