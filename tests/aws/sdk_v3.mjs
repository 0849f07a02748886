// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// AWS's SDK for JavaScript, version 3: operations of both APIs, and the waiters. Arguments: the folder that has
// node_modules, the endpoint. Key pair and region come from the environment. Prints the operations it used.
import { createRequire } from "node:module";
import assert from "node:assert/strict";

const [folder, endpoint] = process.argv.slice(2);
const load = createRequire(`${folder}/x.js`);
const cloudMap = load("@aws-sdk/client-servicediscovery");
const ecs = load("@aws-sdk/client-ecs");
// disableHostPrefix: DiscoverInstances would go to data-HOST else.
const settings = { endpoint, disableHostPrefix: true, maxAttempts: 1 };
const clients = { map: new cloudMap.ServiceDiscoveryClient(settings), ecs: new ecs.ECSClient(settings) };
const used = new Set();

function ask(which, name, input = {}) {
    used.add(`${which}.${name}`);
    return clients[which].send(new (which === "ecs" ? ecs : cloudMap)[`${name}Command`](input));
}
const map = (name, input) => ask("map", name, input);
const run = (name, input) => ask("ecs", name, input);

async function namespaces() {
    const made = {};
    for (const [kind, more] of [["Http", {}], ["PrivateDns", { Vpc: "vpc-1" }], ["PublicDns", {}]]) {
        const { OperationId } = await map(`Create${kind}Namespace`, { Name: `${kind.toLowerCase()}.example`, ...more });
        made[kind] = (await map("GetOperation", { OperationId })).Operation.Targets.NAMESPACE;
        await map(`Update${kind}Namespace`, { Id: made[kind], Namespace: { Description: "d" } });
        assert.equal((await map("GetNamespace", { Id: made[kind] })).Namespace.Description, "d");
    }
    assert.equal((await map("ListNamespaces")).Namespaces.length, 3);
    assert.ok((await map("ListOperations")).Operations[0].Id);
    return made;
}

async function instances(ServiceId, names) {
    await map("RegisterInstance", { ServiceId, InstanceId: "i",
        Attributes: { AWS_INSTANCE_IPV4: "127.9.8.1", AWS_INSTANCE_PORT: "8080" } });
    await map("UpdateInstanceCustomHealthStatus", { ServiceId, InstanceId: "i", Status: "UNHEALTHY" });
    assert.equal((await map("DiscoverInstances", { ...names, HealthStatus: "ALL" })).Instances.length, 1);
    assert.ok((await map("DiscoverInstancesRevision", names)).InstancesRevision > 0);
    assert.equal((await map("GetInstance", { ServiceId, InstanceId: "i" })).Instance.Id, "i");
    assert.equal((await map("ListInstances", { ServiceId })).Instances.length, 1);
    assert.deepEqual((await map("GetInstancesHealthStatus", { ServiceId })).Status, { i: "UNHEALTHY" });
    await map("DeregisterInstance", { ServiceId, InstanceId: "i" });
    await assert.rejects(map("GetInstance", { ServiceId, InstanceId: "i" }), cloudMap.InstanceNotFound);
}

async function services(made) {
    const { Service } = await map("CreateService", { Name: "web", NamespaceId: made.PrivateDns,
        DnsConfig: { DnsRecords: [{ Type: "A", TTL: 5 }] }, HealthCheckCustomConfig: { FailureThreshold: 1 } });
    const { Id, Arn } = Service;
    assert.ok(Service.CreateDate instanceof Date);
    await map("UpdateService", { Id, Service: { Description: "e" } });
    assert.equal((await map("GetService", { Id })).Service.Description, "e");
    assert.equal((await map("ListServices")).Services.length, 1);
    await map("TagResource", { ResourceARN: Arn, Tags: [{ Key: "k", Value: "v" }] });
    assert.equal((await map("ListTagsForResource", { ResourceARN: Arn })).Tags[0].Value, "v");
    await map("UntagResource", { ResourceARN: Arn, TagKeys: ["k"] });
    await map("UpdateServiceAttributes", { ServiceId: Id, Attributes: { a: "b" } });
    assert.deepEqual((await map("GetServiceAttributes", { ServiceId: Id })).ServiceAttributes.Attributes, { a: "b" });
    await map("DeleteServiceAttributes", { ServiceId: Id, Attributes: ["a"] });
    await instances(Id, { NamespaceName: "privatedns.example", ServiceName: "web" });
    await map("DeleteService", { Id });
    await assert.rejects(map("GetService", { Id }), cloudMap.ServiceNotFound);
}

const waiting = { client: clients.ecs, minDelay: 1, maxDelay: 1, maxWaitTime: 20 };

async function clusters() {
    await run("CreateCluster", { clusterName: "c", serviceConnectDefaults: { namespace: "shop" } });
    await run("UpdateCluster", { cluster: "c", settings: [{ name: "containerInsights", value: "enabled" }] });
    assert.equal((await run("DescribeClusters", { clusters: ["c"] })).clusters[0].status, "ACTIVE");
    await run("PutClusterCapacityProviders", { cluster: "c", capacityProviders: [], defaultCapacityProviderStrategy: [] });
    assert.ok((await run("ListClusters")).clusterArns.length >= 1);
    const containerDefinitions = [{ name: "a", image: "i", portMappings: [{ name: "http", containerPort: 80 }] }];
    for (let n = 0; n < 2; n++)
        assert.ok((await run("RegisterTaskDefinition", { family: "web", containerDefinitions })).taskDefinition.registeredAt
            instanceof Date);
    assert.equal((await run("DescribeTaskDefinition", { taskDefinition: "web" })).taskDefinition.revision, 2);
    assert.equal((await run("ListTaskDefinitions")).taskDefinitionArns.length, 2);
    assert.deepEqual((await run("ListTaskDefinitionFamilies")).families, ["web"]);
    await run("DeregisterTaskDefinition", { taskDefinition: "web:1" });
    await run("DeleteTaskDefinitions", { taskDefinitions: ["web:1"] });
}

async function served() {
    const name = { cluster: "c", service: "web" };
    const { service } = await run("CreateService", { cluster: "c", serviceName: "web", taskDefinition: "web",
        desiredCount: 0, serviceConnectConfiguration: { enabled: true, services: [{ portName: "http",
            clientAliases: [{ port: 80, dnsName: "web" }] }] } });
    await run("UpdateService", { ...name, desiredCount: 0 });
    await ecs.waitUntilServicesStable(waiting, { cluster: "c", services: ["web"] });
    assert.equal((await run("DescribeServices", { cluster: "c", services: ["web"] })).services[0].status, "ACTIVE");
    assert.equal((await run("ListServices", { cluster: "c" })).serviceArns.length, 1);
    assert.equal((await run("ListServicesByNamespace", { namespace: "shop" })).serviceArns.length, 1);
    await run("TagResource", { resourceArn: service.serviceArn, tags: [{ key: "k", value: "v" }] });
    assert.equal((await run("ListTagsForResource", { resourceArn: service.serviceArn })).tags.length, 1);
    await run("UntagResource", { resourceArn: service.serviceArn, tagKeys: ["k"] });
    await run("DeleteService", { ...name, force: true });
    await ecs.waitUntilServicesInactive(waiting, { cluster: "c", services: ["web"] });
    await assert.rejects(run("UpdateService", name), ecs.ServiceNotActiveException);
    await run("DeleteCluster", { cluster: "c" });
}

const made = await namespaces();
await services(made);
for (const Id of Object.values(made))
    await map("DeleteNamespace", { Id });
await clusters();
await served();
console.log(JSON.stringify([...used]));
