# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# What docs/fleet.md takes for granted: an etcd by three names, certificates, a host's own registry.
have_programs
systemctl start svcconnectd
svcconnect register backend --address 127.0.0.2:8080
systemctl stop svcconnectd
echo '127.0.0.1 etcd-1 etcd-2 etcd-3' >>/etc/hosts
mkdir -p /etc/svcconnect
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=ca -keyout "$place/ca.key" \
    -out /etc/svcconnect/etcd-ca.pem 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=root -keyout /etc/svcconnect/etcd.key -out "$place/csr" 2>/dev/null
printf 'subjectAltName=DNS:etcd-1,DNS:etcd-2,DNS:etcd-3,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' >"$place/names"
openssl x509 -req -in "$place/csr" -CA /etc/svcconnect/etcd-ca.pem -CAkey "$place/ca.key" -CAcreateserial -days 2 -extfile "$place/names" \
    -out /etc/svcconnect/etcd.pem 2>/dev/null
etcd --name one --data-dir "$place/etcd" --listen-client-urls https://127.0.0.1:2379 --advertise-client-urls https://etcd-1:2379 \
    --cert-file /etc/svcconnect/etcd.pem --key-file /etc/svcconnect/etcd.key --client-cert-auth --trusted-ca-file /etc/svcconnect/etcd-ca.pem \
    --listen-peer-urls http://127.0.0.1:2380 >"$place/etcd.log" 2>&1 &
export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=https://etcd-1:2379 ETCDCTL_CACERT=/etc/svcconnect/etcd-ca.pem ETCDCTL_CERT=/etc/svcconnect/etcd.pem \
    ETCDCTL_KEY=/etc/svcconnect/etcd.key
for ((i = 0; i < 600; i++)); do etcdctl endpoint health >/dev/null 2>&1 && break || sleep 0.1; done
cat >/etc/svcconnect/svcconnect.json <<'END'
{"etcd": {"caFile": "/etc/svcconnect/etcd-ca.pem", "certFile": "/etc/svcconnect/etcd.pem", "keyFile": "/etc/svcconnect/etcd.key"}}
END
#= Whose an instance is
cp /etc/svcconnect/svcconnect.json "$place/without-registry"
sed 's|^{|{"registry": "etcd:https://etcd-1:2379,etcd-2:2379,etcd-3:2379", |' "$place/without-registry" >/etc/svcconnect/svcconnect.json
etcdctl put svcconnect/hosts/0123456789abcdef0123456789abcdef/ranges '{}' >/dev/null # a host that was there once
#= Moving a host into a fleet
cp "$place/without-registry" /etc/svcconnect/svcconnect.json
etcdctl del --prefix '' >/dev/null
