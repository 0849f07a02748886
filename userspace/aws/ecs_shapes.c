/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What ECS's operations take, by its service model of 2014-11-13; task definitions are in ecs_task_shapes. */
#include "aws/ecs_shapes.h"

const struct aws_shape ecs_tag[] = {TEXT("key", WITHIN(1, 128), MATCHING(aws_pattern_tag)),
                                    TEXT("value", WITHIN(0, 256), MATCHING(aws_pattern_tag)), NO_MORE};

static const struct aws_shape cluster_setting[] = {TEXT("name", ONE_OF("containerInsights")), TEXT("value"),
                                                   NO_MORE};

static const struct aws_shape execute_command_log_configuration[] = {TEXT("cloudWatchLogGroupName"),
                                                                     TRUTH("cloudWatchEncryptionEnabled"),
                                                                     TEXT("s3BucketName"),
                                                                     TRUTH("s3EncryptionEnabled"),
                                                                     TEXT("s3KeyPrefix"),
                                                                     NO_MORE};

static const struct aws_shape execute_command_configuration[] = {
    TEXT("kmsKeyId"), TEXT("logging", ONE_OF("NONE|DEFAULT|OVERRIDE")),
    OBJECT("logConfiguration", execute_command_log_configuration), NO_MORE};

static const struct aws_shape managed_storage_configuration[] = {
    TEXT("kmsKeyId"), TEXT("fargateEphemeralStorageKmsKeyId"), NO_MORE};

static const struct aws_shape cluster_configuration[] = {
    OBJECT("executeCommandConfiguration", execute_command_configuration),
    OBJECT("managedStorageConfiguration", managed_storage_configuration), NO_MORE};

static const struct aws_shape capacity_provider_strategy_item[] = {TEXT("capacityProvider", REQUIRED),
                                                                   WHOLE("weight", WITHIN(0, 1000)),
                                                                   WHOLE("base", WITHIN(0, 100000)), NO_MORE};

static const struct aws_shape cluster_service_connect_defaults[] = {TEXT("namespace", REQUIRED), NO_MORE};

static const struct aws_shape create_cluster[] = {
    TEXT("clusterName"),
    OBJECTS("tags", ecs_tag, WITHIN(0, 50)),
    OBJECTS("settings", cluster_setting),
    OBJECT("configuration", cluster_configuration),
    TEXTS("capacityProviders"),
    OBJECTS("defaultCapacityProviderStrategy", capacity_provider_strategy_item),
    OBJECT("serviceConnectDefaults", cluster_service_connect_defaults),
    NO_MORE};

static const struct aws_shape update_cluster[] = {
    TEXT("cluster", REQUIRED), OBJECTS("settings", cluster_setting),
    OBJECT("configuration", cluster_configuration),
    OBJECT("serviceConnectDefaults", cluster_service_connect_defaults), NO_MORE};

static const struct aws_shape describe_clusters[] = {
    TEXTS("clusters"),
    LIST("include", ITEM(TEXT(NULL, ONE_OF("ATTACHMENTS|CONFIGURATIONS|SETTINGS|STATISTICS|TAGS")))),
    NO_MORE};

static const struct aws_shape list_clusters[] = {TEXT("nextToken"), WHOLE("maxResults"), NO_MORE};

static const struct aws_shape delete_cluster[] = {TEXT("cluster", REQUIRED), NO_MORE};

static const struct aws_shape put_cluster_capacity_providers[] = {
    TEXT("cluster", REQUIRED), TEXTS("capacityProviders", REQUIRED),
    OBJECTS("defaultCapacityProviderStrategy", capacity_provider_strategy_item, REQUIRED), NO_MORE};

static const struct aws_shape tag_resource[] = {TEXT("resourceArn", REQUIRED),
                                                OBJECTS("tags", ecs_tag, REQUIRED, WITHIN(0, 50)), NO_MORE};

static const struct aws_shape untag_resource[] = {
    TEXT("resourceArn", REQUIRED),
    LIST("tagKeys", ITEM(TEXT(NULL, WITHIN(1, 128), MATCHING(aws_pattern_tag))), REQUIRED), NO_MORE};

static const struct aws_shape list_tags_for_resource[] = {TEXT("resourceArn", REQUIRED), NO_MORE};

static const struct aws_shape list_task_definition_families[] = {
    TEXT("familyPrefix"), TEXT("status", ONE_OF("ACTIVE|INACTIVE|ALL")), TEXT("nextToken"),
    WHOLE("maxResults"), NO_MORE};

static const struct aws_shape delete_task_definitions[] = {TEXTS("taskDefinitions", REQUIRED), NO_MORE};

static const struct aws_shape deregister_task_definition[] = {TEXT("taskDefinition", REQUIRED), NO_MORE};

static const struct aws_shape describe_task_definition[] = {
    TEXT("taskDefinition", REQUIRED), LIST("include", ITEM(TEXT(NULL, ONE_OF("TAGS")))), NO_MORE};

static const struct aws_shape list_task_definitions[] = {
    TEXT("familyPrefix"),
    TEXT("status", ONE_OF("ACTIVE|INACTIVE|DELETE_IN_PROGRESS")),
    TEXT("sort", ONE_OF("ASC|DESC")),
    TEXT("nextToken"),
    WHOLE("maxResults"),
    NO_MORE};

static const struct aws_shape advanced_configuration[] = {TEXT("alternateTargetGroupArn"),
                                                          TEXT("productionListenerRule"),
                                                          TEXT("testListenerRule"), TEXT("roleArn"), NO_MORE};

static const struct aws_shape load_balancer[] = {TEXT("targetGroupArn"),
                                                 TEXT("loadBalancerName"),
                                                 TEXT("containerName"),
                                                 WHOLE("containerPort"),
                                                 OBJECT("advancedConfiguration", advanced_configuration),
                                                 NO_MORE};

static const struct aws_shape service_registry[] = {TEXT("registryArn"), WHOLE("port"), TEXT("containerName"),
                                                    WHOLE("containerPort"), NO_MORE};

static const struct aws_shape deployment_circuit_breaker[] = {TRUTH("enable", REQUIRED),
                                                              TRUTH("rollback", REQUIRED), NO_MORE};

static const struct aws_shape deployment_alarms[] = {
    TEXTS("alarmNames", REQUIRED), TRUTH("rollback", REQUIRED), TRUTH("enable", REQUIRED), NO_MORE};

static const struct aws_shape hook_details[] = {NO_MORE};

static const struct aws_shape deployment_lifecycle_hook_timeout_configuration[] = {
    WHOLE("timeoutInMinutes", WITHIN(1, 20160)), TEXT("action", ONE_OF("ROLLBACK|CONTINUE")), NO_MORE};

static const struct aws_shape deployment_lifecycle_hook[] = {
    TEXT("targetType", ONE_OF("AWS_LAMBDA|PAUSE")),
    TEXT("hookTargetArn"),
    TEXT("roleArn"),
    LIST("lifecycleStages",
         ITEM(TEXT(
             NULL,
             ONE_OF("RECONCILE_SERVICE|PRE_SCALE_UP|POST_SCALE_UP|TEST_TRAFFIC_SHIFT|POST_TEST_TRAFFIC_SHIFT|"
                    "PRE_PRODUCTION_TRAFFIC_SHIFT|PRODUCTION_TRAFFIC_SHIFT|POST_PRODUCTION_TRAFFIC_SHIFT")))),
    OBJECT("hookDetails", hook_details),
    OBJECT("timeoutConfiguration", deployment_lifecycle_hook_timeout_configuration),
    NO_MORE};

static const struct aws_shape linear_configuration[] = {NUMBER("stepPercent"), WHOLE("stepBakeTimeInMinutes"),
                                                        NO_MORE};

static const struct aws_shape canary_configuration[] = {NUMBER("canaryPercent"),
                                                        WHOLE("canaryBakeTimeInMinutes"), NO_MORE};

static const struct aws_shape deployment_configuration[] = {
    OBJECT("deploymentCircuitBreaker", deployment_circuit_breaker),
    WHOLE("maximumPercent"),
    WHOLE("minimumHealthyPercent"),
    OBJECT("alarms", deployment_alarms),
    TEXT("strategy", ONE_OF("ROLLING|BLUE_GREEN|LINEAR|CANARY")),
    WHOLE("bakeTimeInMinutes"),
    OBJECTS("lifecycleHooks", deployment_lifecycle_hook),
    OBJECT("linearConfiguration", linear_configuration),
    OBJECT("canaryConfiguration", canary_configuration),
    NO_MORE};

static const struct aws_shape placement_constraint[] = {TEXT("type", ONE_OF("distinctInstance|memberOf")),
                                                        TEXT("expression"), NO_MORE};

static const struct aws_shape placement_strategy[] = {TEXT("type", ONE_OF("random|spread|binpack")),
                                                      TEXT("field"), NO_MORE};

static const struct aws_shape aws_vpc_configuration[] = {TEXTS("subnets", REQUIRED), TEXTS("securityGroups"),
                                                         TEXT("assignPublicIp", ONE_OF("ENABLED|DISABLED")),
                                                         NO_MORE};

static const struct aws_shape network_configuration[] = {OBJECT("awsvpcConfiguration", aws_vpc_configuration),
                                                         NO_MORE};

static const struct aws_shape deployment_controller[] = {
    TEXT("type", REQUIRED, ONE_OF("ECS|CODE_DEPLOY|EXTERNAL")), NO_MORE};

static const struct aws_shape service_connect_test_traffic_header_match_rules[] = {TEXT("exact", REQUIRED),
                                                                                   NO_MORE};

static const struct aws_shape service_connect_test_traffic_header_rules[] = {
    TEXT("name", REQUIRED), OBJECT("value", service_connect_test_traffic_header_match_rules), NO_MORE};

static const struct aws_shape service_connect_test_traffic_rules[] = {
    OBJECT("header", service_connect_test_traffic_header_rules, REQUIRED), NO_MORE};

static const struct aws_shape service_connect_client_alias[] = {
    WHOLE("port", REQUIRED, WITHIN(0, 65535)), TEXT("dnsName"),
    OBJECT("testTrafficRules", service_connect_test_traffic_rules), NO_MORE};

static const struct aws_shape timeout_configuration[] = {
    WHOLE("idleTimeoutSeconds", WITHIN(0, INT32_MAX)),
    WHOLE("perRequestTimeoutSeconds", WITHIN(0, INT32_MAX)), NO_MORE};

static const struct aws_shape service_connect_tls_certificate_authority[] = {TEXT("awsPcaAuthorityArn"),
                                                                             NO_MORE};

static const struct aws_shape service_connect_tls_configuration[] = {
    OBJECT("issuerCertificateAuthority", service_connect_tls_certificate_authority, REQUIRED), TEXT("kmsKey"),
    TEXT("roleArn"), NO_MORE};

static const struct aws_shape service_connect_service[] = {
    TEXT("portName", REQUIRED),
    TEXT("discoveryName"),
    OBJECTS("clientAliases", service_connect_client_alias),
    WHOLE("ingressPortOverride", WITHIN(0, 65535)),
    OBJECT("timeout", timeout_configuration),
    OBJECT("tls", service_connect_tls_configuration),
    NO_MORE};

static const struct aws_shape service_connect_access_log_configuration[] = {
    TEXT("format", REQUIRED, ONE_OF("TEXT|JSON")), TEXT("includeQueryParameters", ONE_OF("DISABLED|ENABLED")),
    NO_MORE};

static const struct aws_shape service_connect_configuration[] = {
    TRUTH("enabled", REQUIRED),
    TEXT("namespace"),
    OBJECTS("services", service_connect_service),
    OBJECT("logConfiguration", ecs_log_configuration),
    OBJECT("accessLogConfiguration", service_connect_access_log_configuration),
    NO_MORE};

static const struct aws_shape ebs_tag_specification[] = {
    TEXT("resourceType", REQUIRED, ONE_OF("volume")), OBJECTS("tags", ecs_tag, WITHIN(0, 50)),
    TEXT("propagateTags", ONE_OF("TASK_DEFINITION|SERVICE|NONE")), NO_MORE};

static const struct aws_shape service_managed_ebs_volume_configuration[] = {
    TRUTH("encrypted"),
    TEXT("kmsKeyId"),
    TEXT("volumeType"),
    WHOLE("sizeInGiB"),
    TEXT("snapshotId"),
    WHOLE("volumeInitializationRate"),
    WHOLE("iops"),
    WHOLE("throughput"),
    OBJECTS("tagSpecifications", ebs_tag_specification),
    TEXT("roleArn", REQUIRED),
    TEXT("filesystemType", ONE_OF("ext3|ext4|xfs|ntfs")),
    NO_MORE};

static const struct aws_shape service_volume_configuration[] = {
    TEXT("name", REQUIRED), OBJECT("managedEBSVolume", service_managed_ebs_volume_configuration), NO_MORE};

static const struct aws_shape vpc_lattice_configuration[] = {
    TEXT("roleArn", REQUIRED), TEXT("targetGroupArn", REQUIRED), TEXT("portName", REQUIRED), NO_MORE};

static const struct aws_shape create_service[] = {
    TEXT("cluster"),
    TEXT("serviceName", REQUIRED),
    TEXT("taskDefinition"),
    TEXT("availabilityZoneRebalancing", ONE_OF("ENABLED|DISABLED")),
    OBJECTS("loadBalancers", load_balancer),
    OBJECTS("serviceRegistries", service_registry),
    WHOLE("desiredCount"),
    TEXT("clientToken"),
    TEXT("launchType", ONE_OF("EC2|FARGATE|EXTERNAL|MANAGED_INSTANCES")),
    OBJECTS("capacityProviderStrategy", capacity_provider_strategy_item),
    TEXT("platformVersion"),
    TEXT("role"),
    OBJECT("deploymentConfiguration", deployment_configuration),
    OBJECTS("placementConstraints", placement_constraint),
    OBJECTS("placementStrategy", placement_strategy),
    OBJECT("networkConfiguration", network_configuration),
    WHOLE("healthCheckGracePeriodSeconds"),
    TEXT("schedulingStrategy", ONE_OF("REPLICA|DAEMON")),
    OBJECT("deploymentController", deployment_controller),
    OBJECTS("tags", ecs_tag, WITHIN(0, 50)),
    TRUTH("enableECSManagedTags"),
    TEXT("propagateTags", ONE_OF("TASK_DEFINITION|SERVICE|NONE")),
    TRUTH("enableExecuteCommand"),
    OBJECT("serviceConnectConfiguration", service_connect_configuration),
    OBJECTS("volumeConfigurations", service_volume_configuration),
    OBJECTS("vpcLatticeConfigurations", vpc_lattice_configuration),
    NO_MORE};

static const struct aws_shape update_service[] = {
    TEXT("cluster"),
    TEXT("service", REQUIRED),
    WHOLE("desiredCount"),
    TEXT("taskDefinition"),
    OBJECTS("capacityProviderStrategy", capacity_provider_strategy_item),
    OBJECT("deploymentConfiguration", deployment_configuration),
    TEXT("availabilityZoneRebalancing", ONE_OF("ENABLED|DISABLED")),
    OBJECT("networkConfiguration", network_configuration),
    OBJECTS("placementConstraints", placement_constraint),
    OBJECTS("placementStrategy", placement_strategy),
    TEXT("platformVersion"),
    TRUTH("forceNewDeployment"),
    WHOLE("healthCheckGracePeriodSeconds"),
    OBJECT("deploymentController", deployment_controller),
    TRUTH("enableExecuteCommand"),
    TRUTH("enableECSManagedTags"),
    OBJECTS("loadBalancers", load_balancer),
    TEXT("propagateTags", ONE_OF("TASK_DEFINITION|SERVICE|NONE")),
    OBJECTS("serviceRegistries", service_registry),
    OBJECT("serviceConnectConfiguration", service_connect_configuration),
    OBJECTS("volumeConfigurations", service_volume_configuration),
    OBJECTS("vpcLatticeConfigurations", vpc_lattice_configuration),
    NO_MORE};

static const struct aws_shape delete_service[] = {TEXT("cluster"), TEXT("service", REQUIRED), TRUTH("force"),
                                                  NO_MORE};

static const struct aws_shape describe_services[] = {
    TEXT("cluster"), TEXTS("services", REQUIRED), LIST("include", ITEM(TEXT(NULL, ONE_OF("TAGS")))), NO_MORE};

static const struct aws_shape list_services[] = {
    TEXT("cluster"),
    TEXT("nextToken"),
    WHOLE("maxResults"),
    TEXT("launchType", ONE_OF("EC2|FARGATE|EXTERNAL|MANAGED_INSTANCES")),
    TEXT("schedulingStrategy", ONE_OF("REPLICA|DAEMON")),
    TEXT("resourceManagementType", ONE_OF("CUSTOMER|ECS")),
    NO_MORE};

static const struct aws_shape list_services_by_namespace[] = {TEXT("namespace", REQUIRED), TEXT("nextToken"),
                                                              WHOLE("maxResults"), NO_MORE};

static const struct aws_shape created_at[] = {NUMBER("before"), NUMBER("after"), NO_MORE};

static const struct aws_shape list_service_deployments[] = {
    TEXT("service", REQUIRED),
    TEXT("cluster"),
    LIST("status",
         ITEM(TEXT(NULL, ONE_OF("PENDING|SUCCESSFUL|STOPPED|STOP_REQUESTED|IN_PROGRESS|ROLLBACK_REQUESTED|"
                                "ROLLBACK_IN_PROGRESS|ROLLBACK_SUCCESSFUL|ROLLBACK_FAILED")))),
    OBJECT("createdAt", created_at),
    TEXT("nextToken"),
    WHOLE("maxResults"),
    NO_MORE};

static const struct aws_shape describe_service_deployments[] = {TEXTS("serviceDeploymentArns", REQUIRED),
                                                                NO_MORE};

static const struct aws_shape describe_service_revisions[] = {TEXTS("serviceRevisionArns", REQUIRED),
                                                              NO_MORE};

const struct aws_input ecs_inputs[] = {
    {"CreateCluster", create_cluster, NULL},
    {"UpdateCluster", update_cluster, NULL},
    {"DescribeClusters", describe_clusters, NULL},
    {"ListClusters", list_clusters, NULL},
    {"DeleteCluster", delete_cluster, NULL},
    {"PutClusterCapacityProviders", put_cluster_capacity_providers, NULL},
    {"TagResource", tag_resource, NULL},
    {"UntagResource", untag_resource, NULL},
    {"ListTagsForResource", list_tags_for_resource, NULL},
    {"ListTaskDefinitionFamilies", list_task_definition_families, NULL},
    {"DeleteTaskDefinitions", delete_task_definitions, NULL},
    {"RegisterTaskDefinition", ecs_register_task_definition, "ClientException"},
    {"DeregisterTaskDefinition", deregister_task_definition, NULL},
    {"DescribeTaskDefinition", describe_task_definition, NULL},
    {"ListTaskDefinitions", list_task_definitions, NULL},
    {"CreateService", create_service, NULL},
    {"UpdateService", update_service, NULL},
    {"DeleteService", delete_service, NULL},
    {"DescribeServices", describe_services, NULL},
    {"ListServices", list_services, NULL},
    {"ListServicesByNamespace", list_services_by_namespace, NULL},
    {"ListServiceDeployments", list_service_deployments, NULL},
    {"DescribeServiceDeployments", describe_service_deployments, NULL},
    {"DescribeServiceRevisions", describe_service_revisions, NULL},
    {NULL, NULL, NULL},
};
