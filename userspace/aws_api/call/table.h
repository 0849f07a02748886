/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every operation, once: its name on the wire, its function (aws_...), whether it changes something, and whose
 * objects it is about (call/scope.h). A row without one of the four does not compile; what has no row is not
 * served. An answer that is given without the row's scope having been looked at is thrown away (call/request.c),
 * and tests/unit/aws_api/test_aws_scopes.c tries each row with the key of somebody else.
 */
#pragma once

#define AWS_CLOUD_MAP_TABLE(ROW)                                                                             \
    ROW(CreateHttpNamespace, CreateHttpNamespace, CHANGES, AWS_OF_NAMESPACE)                                 \
    ROW(CreatePrivateDnsNamespace, CreatePrivateDnsNamespace, CHANGES, AWS_OF_NAMESPACE)                     \
    ROW(CreatePublicDnsNamespace, CreatePublicDnsNamespace, CHANGES, AWS_OF_NAMESPACE)                       \
    ROW(CreateService, CreateService, CHANGES, AWS_OF_NAMESPACE)                                             \
    ROW(DeleteNamespace, DeleteNamespace, CHANGES, AWS_OF_NAMESPACE)                                         \
    ROW(DeleteService, DeleteService, CHANGES, AWS_OF_SERVICE)                                               \
    ROW(DeleteServiceAttributes, DeleteServiceAttributes, CHANGES, AWS_OF_SERVICE)                           \
    ROW(DeregisterInstance, DeregisterInstance, CHANGES, AWS_OF_SERVICE)                                     \
    ROW(DiscoverInstances, DiscoverInstances, READS, AWS_OF_SERVICE)                                         \
    ROW(DiscoverInstancesRevision, DiscoverInstancesRevision, READS, AWS_OF_SERVICE)                         \
    ROW(GetInstance, GetInstance, READS, AWS_OF_SERVICE)                                                     \
    ROW(GetInstancesHealthStatus, GetInstancesHealthStatus, READS, AWS_OF_SERVICE)                           \
    ROW(GetNamespace, GetNamespace, READS, AWS_OF_NAMESPACE)                                                 \
    ROW(GetOperation, GetOperation, READS, AWS_OF_OPERATION)                                                 \
    ROW(GetService, GetService, READS, AWS_OF_SERVICE)                                                       \
    ROW(GetServiceAttributes, GetServiceAttributes, READS, AWS_OF_SERVICE)                                   \
    ROW(ListInstances, ListInstances, READS, AWS_OF_SERVICE)                                                 \
    ROW(ListNamespaces, ListNamespaces, READS, AWS_OF_NAMESPACE)                                             \
    ROW(ListOperations, ListOperations, READS, AWS_OF_OPERATION)                                             \
    ROW(ListServices, ListServices, READS, AWS_OF_NAMESPACE)                                                 \
    ROW(ListTagsForResource, ListTagsForResource, READS, AWS_OF_RESOURCE)                                    \
    ROW(RegisterInstance, RegisterInstance, CHANGES, AWS_OF_SERVICE)                                         \
    ROW(TagResource, TagResource, CHANGES, AWS_OF_RESOURCE)                                                  \
    ROW(UntagResource, UntagResource, CHANGES, AWS_OF_RESOURCE)                                              \
    ROW(UpdateHttpNamespace, UpdateHttpNamespace, CHANGES, AWS_OF_NAMESPACE)                                 \
    ROW(UpdateInstanceCustomHealthStatus, UpdateInstanceCustomHealthStatus, CHANGES, AWS_OF_SERVICE)         \
    ROW(UpdatePrivateDnsNamespace, UpdatePrivateDnsNamespace, CHANGES, AWS_OF_NAMESPACE)                     \
    ROW(UpdatePublicDnsNamespace, UpdatePublicDnsNamespace, CHANGES, AWS_OF_NAMESPACE)                       \
    ROW(UpdateService, UpdateService, CHANGES, AWS_OF_SERVICE)                                               \
    ROW(UpdateServiceAttributes, UpdateServiceAttributes, CHANGES, AWS_OF_SERVICE)

#define AWS_ECS_TABLE(ROW)                                                                                   \
    ROW(CreateCluster, CreateCluster, CHANGES, AWS_OF_CLUSTER)                                               \
    ROW(CreateService, EcsCreateService, CHANGES, AWS_OF_CLUSTER | AWS_OF_ECS_SERVICE)                       \
    ROW(DeleteCluster, DeleteCluster, CHANGES, AWS_OF_CLUSTER)                                               \
    ROW(DeleteService, EcsDeleteService, CHANGES, AWS_OF_CLUSTER | AWS_OF_ECS_SERVICE)                       \
    ROW(DeleteTaskDefinitions, DeleteTaskDefinitions, CHANGES, AWS_OF_DEFINITION)                            \
    ROW(DeregisterTaskDefinition, DeregisterTaskDefinition, CHANGES, AWS_OF_DEFINITION)                      \
    ROW(DescribeClusters, DescribeClusters, READS, AWS_OF_CLUSTER)                                           \
    ROW(DescribeServices, DescribeServices, READS, AWS_OF_CLUSTER | AWS_OF_ECS_SERVICE)                      \
    ROW(DescribeTaskDefinition, DescribeTaskDefinition, READS, AWS_OF_DEFINITION)                            \
    ROW(ListClusters, ListClusters, READS, AWS_OF_CLUSTER)                                                   \
    ROW(DescribeServiceDeployments, DescribeServiceDeployments, READS, AWS_OF_ECS_SERVICE)                   \
    ROW(DescribeServiceRevisions, DescribeServiceRevisions, READS, AWS_OF_ECS_SERVICE)                       \
    ROW(ListServiceDeployments, ListServiceDeployments, READS, AWS_OF_CLUSTER | AWS_OF_ECS_SERVICE)          \
    ROW(ListServices, EcsListServices, READS, AWS_OF_CLUSTER | AWS_OF_ECS_SERVICE)                           \
    ROW(ListServicesByNamespace, ListServicesByNamespace, READS, AWS_OF_ECS_SERVICE)                         \
    ROW(ListTagsForResource, EcsListTagsForResource, READS, AWS_OF_RESOURCE)                                 \
    ROW(ListTaskDefinitionFamilies, ListTaskDefinitionFamilies, READS, AWS_OF_DEFINITION)                    \
    ROW(ListTaskDefinitions, ListTaskDefinitions, READS, AWS_OF_DEFINITION)                                  \
    ROW(PutClusterCapacityProviders, PutClusterCapacityProviders, CHANGES, AWS_OF_CLUSTER)                   \
    ROW(RegisterTaskDefinition, RegisterTaskDefinition, CHANGES, AWS_OF_DEFINITION)                          \
    ROW(TagResource, EcsTagResource, CHANGES, AWS_OF_RESOURCE)                                               \
    ROW(UntagResource, EcsUntagResource, CHANGES, AWS_OF_RESOURCE)                                           \
    ROW(UpdateCluster, UpdateCluster, CHANGES, AWS_OF_CLUSTER)                                               \
    ROW(UpdateService, EcsUpdateService, CHANGES, AWS_OF_CLUSTER | AWS_OF_ECS_SERVICE)

#define AWS_STS_TABLE(ROW) ROW(GetCallerIdentity, GetCallerIdentity, READS, AWS_OF_CALLER)
