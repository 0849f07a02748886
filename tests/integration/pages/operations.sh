# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# What docs/operations.md takes for granted: commands of AWS and checks of the reader's, services, files.
echo "--exec-checks /usr/bin/pgrep,/usr/local/bin/check-backend" >"$place/options"
install -m 0755 /dev/null /usr/local/bin/check-backend
#= 3. Tasks
cp /bin/true ./server
mkdir -p /sys/fs/cgroup/system.slice/web.service
#= DNS
svcconnect register web --address 10.0.0.8:8080 -n shop.local
#= UDP
for service in v1 v2; do svcconnect register $service --address 10.0.0.6:53 --protocol udp; done
#= 4. Documents
cat >service.json <<'END'
{"serviceName": "backend", "serviceArn": "arn:aws:ecs:us-east-1:111122223333:service/c/backend", "taskDefinition": {"family": "backend",
 "containerDefinitions": [{"name": "backend", "portMappings": [{"name": "http", "containerPort": 8080}]}]},
 "serviceConnectConfiguration": {"enabled": true, "services": [{"portName": "http", "discoveryName": "backend",
  "clientAliases": [{"dnsName": "backend", "port": 80}]}]}}
END
mkdir services
cp service.json services/backend.json
# AWS, which answers with a service that is described.
printf '#!/bin/sh\ncat "%s/described"\n' "$place" >"$place/bin/aws"
chmod +x "$place/bin/aws"
sed 's/"backend"/"web"/g' service.json | sed '1s/^/{"services": [/; $s/$/], "failures": []}/' >"$place/described"
#= Canaries
for service in v1 v2; do
    for address in 10.0.1.7 10.0.1.8; do svcconnect register $service --address $address:8080; done
done
svcconnect route set backend:80 v1=1
svcconnect route clear v1:8080 2>/dev/null || true
#= Settings
svcconnect canary abort backend:80 --client frontend
for address in 10.0.1.10 10.0.1.11 10.0.1.12 10.0.1.13; do svcconnect register backend --address $address:8080; done
#= 6. Watching
mkdir -p /run/systemd/journal
python3 -c 'import socket
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind("/run/systemd/journal/socket")
while True: journal.recv(65536)' &
for ((i = 0; i < 600; i++)); do [ ! -S /run/systemd/journal/socket ] || break && sleep 0.1; done
#= 11. Many at once, and from one host to another
make -s install
systemctl start svcconnectd
echo '{"service": "v1", "address": "10.0.0.1:8080", "weight": 2}' >instances.jsonl
