/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What Cloud Map's operations take, by its service model of 2017-03-14. Patterns of names and attributes are in
 * cloud_map_fields. */
#include "aws/aws_shape_words.h"

static const struct aws_shape attribute_key[] = {TEXT(NULL, WITHIN(1, 255), MATCHING(aws_pattern_printable))};
static const struct aws_shape attribute_value[] = {TEXT(NULL, WITHIN(0, 1024), MATCHING(aws_pattern_value))};

static const struct aws_shape tag[] = {TEXT("Key", REQUIRED, WITHIN(1, 128)),
                                       TEXT("Value", REQUIRED, WITHIN(0, 256)), NO_MORE};

static const struct aws_shape create_http_namespace[] = {
    TEXT("Name", REQUIRED, WITHIN(0, 1024)), TEXT("CreatorRequestId", WITHIN(0, 64)),
    TEXT("Description", WITHIN(0, 1024)), OBJECTS("Tags", tag, WITHIN(0, 200)), NO_MORE};

static const struct aws_shape soa[] = {WHOLE("TTL", REQUIRED, WITHIN(0, INT32_MAX)), NO_MORE};

static const struct aws_shape dns_properties[] = {OBJECT("SOA", soa, REQUIRED), NO_MORE};

static const struct aws_shape namespace_properties[] = {OBJECT("DnsProperties", dns_properties, REQUIRED),
                                                        NO_MORE};

static const struct aws_shape create_private_dns_namespace[] = {TEXT("Name", REQUIRED, WITHIN(0, 253)),
                                                                TEXT("CreatorRequestId", WITHIN(0, 64)),
                                                                TEXT("Description", WITHIN(0, 1024)),
                                                                TEXT("Vpc", REQUIRED, WITHIN(0, 64)),
                                                                OBJECTS("Tags", tag, WITHIN(0, 200)),
                                                                OBJECT("Properties", namespace_properties),
                                                                NO_MORE};

static const struct aws_shape create_public_dns_namespace[] = {
    TEXT("Name", REQUIRED, WITHIN(0, 253)),     TEXT("CreatorRequestId", WITHIN(0, 64)),
    TEXT("Description", WITHIN(0, 1024)),       OBJECTS("Tags", tag, WITHIN(0, 200)),
    OBJECT("Properties", namespace_properties), NO_MORE};

static const struct aws_shape dns_record[] = {TEXT("Type", REQUIRED, ONE_OF("SRV|A|AAAA|CNAME")),
                                              WHOLE("TTL", REQUIRED, WITHIN(0, INT32_MAX)), NO_MORE};

static const struct aws_shape dns_config[] = {TEXT("NamespaceId", WITHIN(0, 64)),
                                              TEXT("RoutingPolicy", ONE_OF("MULTIVALUE|WEIGHTED")),
                                              OBJECTS("DnsRecords", dns_record, REQUIRED), NO_MORE};

static const struct aws_shape health_check_config[] = {TEXT("Type", REQUIRED, ONE_OF("HTTP|HTTPS|TCP")),
                                                       TEXT("ResourcePath", WITHIN(0, 255)),
                                                       WHOLE("FailureThreshold", WITHIN(1, 10)), NO_MORE};

static const struct aws_shape health_check_custom_config[] = {WHOLE("FailureThreshold", WITHIN(1, 10)),
                                                              NO_MORE};

static const struct aws_shape create_service[] = {
    TEXT("Name", REQUIRED),
    TEXT("NamespaceId", WITHIN(0, 255)),
    TEXT("CreatorRequestId", WITHIN(0, 64)),
    TEXT("Description", WITHIN(0, 1024)),
    OBJECT("DnsConfig", dns_config),
    OBJECT("HealthCheckConfig", health_check_config),
    OBJECT("HealthCheckCustomConfig", health_check_custom_config),
    OBJECTS("Tags", tag, WITHIN(0, 200)),
    TEXT("Type", ONE_OF("HTTP")),
    NO_MORE};

static const struct aws_shape by_id[] = {TEXT("Id", REQUIRED, WITHIN(0, 255)), NO_MORE};

static const struct aws_shape delete_service_attributes[] = {
    TEXT("ServiceId", REQUIRED, WITHIN(0, 255)),
    LIST("Attributes", ITEM(TEXT(NULL, WITHIN(0, 255))), REQUIRED, WITHIN(1, 30)), NO_MORE};

static const struct aws_shape by_instance[] = {TEXT("ServiceId", REQUIRED, WITHIN(0, 255)),
                                               TEXT("InstanceId", REQUIRED, WITHIN(0, 64)), NO_MORE};

static const struct aws_shape discover_instances[] = {
    TEXT("NamespaceName", REQUIRED, WITHIN(1, 1024), MATCHING(aws_pattern_printable)),
    TEXT("ServiceName", REQUIRED, MATCHING(aws_pattern_service)),
    WHOLE("MaxResults", WITHIN(1, 1000)),
    MAP("QueryParameters", attribute_value, .key = attribute_key),
    MAP("OptionalParameters", attribute_value, .key = attribute_key),
    TEXT("HealthStatus", ONE_OF("HEALTHY|UNHEALTHY|ALL|HEALTHY_OR_ELSE_ALL")),
    TEXT("OwnerAccount", WITHIN(12, 12)),
    NO_MORE};

static const struct aws_shape discover_instances_revision[] = {
    TEXT("NamespaceName", REQUIRED, WITHIN(1, 1024), MATCHING(aws_pattern_printable)),
    TEXT("ServiceName", REQUIRED, MATCHING(aws_pattern_service)), TEXT("OwnerAccount", WITHIN(12, 12)),
    NO_MORE};

static const struct aws_shape get_instances_health_status[] = {
    TEXT("ServiceId", REQUIRED, WITHIN(0, 255)),
    LIST("Instances", ITEM(TEXT(NULL, WITHIN(0, 64))), WITHIN(1, INT32_MAX)),
    WHOLE("MaxResults", WITHIN(1, 100)), TEXT("NextToken", WITHIN(0, 4096)), NO_MORE};

static const struct aws_shape get_operation[] = {TEXT("OperationId", REQUIRED, WITHIN(0, 255)),
                                                 TEXT("OwnerAccount", WITHIN(12, 12)), NO_MORE};

static const struct aws_shape by_service[] = {TEXT("ServiceId", REQUIRED, WITHIN(0, 255)), NO_MORE};

static const struct aws_shape list_instances[] = {TEXT("ServiceId", REQUIRED, WITHIN(0, 255)),
                                                  TEXT("NextToken", WITHIN(0, 4096)),
                                                  WHOLE("MaxResults", WITHIN(1, 100)), NO_MORE};

static const struct aws_shape namespace_filter[] = {
    TEXT("Name", REQUIRED, ONE_OF("TYPE|NAME|HTTP_NAME|RESOURCE_OWNER")),
    LIST("Values", ITEM(TEXT(NULL, WITHIN(1, 255))), REQUIRED),
    TEXT("Condition", ONE_OF("EQ|IN|BETWEEN|BEGINS_WITH")), NO_MORE};

static const struct aws_shape list_namespaces[] = {TEXT("NextToken", WITHIN(0, 4096)),
                                                   WHOLE("MaxResults", WITHIN(1, 100)),
                                                   OBJECTS("Filters", namespace_filter), NO_MORE};

static const struct aws_shape operation_filter[] = {
    TEXT("Name", REQUIRED, ONE_OF("NAMESPACE_ID|SERVICE_ID|STATUS|TYPE|UPDATE_DATE")),
    LIST("Values", ITEM(TEXT(NULL, WITHIN(1, 255))), REQUIRED),
    TEXT("Condition", ONE_OF("EQ|IN|BETWEEN|BEGINS_WITH")), NO_MORE};

static const struct aws_shape list_operations[] = {TEXT("NextToken", WITHIN(0, 4096)),
                                                   WHOLE("MaxResults", WITHIN(1, 100)),
                                                   OBJECTS("Filters", operation_filter), NO_MORE};

static const struct aws_shape service_filter[] = {
    TEXT("Name", REQUIRED, ONE_OF("NAMESPACE_ID|RESOURCE_OWNER")),
    LIST("Values", ITEM(TEXT(NULL, WITHIN(1, 255))), REQUIRED),
    TEXT("Condition", ONE_OF("EQ|IN|BETWEEN|BEGINS_WITH")), NO_MORE};

static const struct aws_shape list_services[] = {TEXT("NextToken", WITHIN(0, 4096)),
                                                 WHOLE("MaxResults", WITHIN(1, 100)),
                                                 OBJECTS("Filters", service_filter), NO_MORE};

static const struct aws_shape list_tags_for_resource[] = {TEXT("ResourceARN", REQUIRED, WITHIN(1, 1011)),
                                                          NO_MORE};

static const struct aws_shape register_instance[] = {
    TEXT("ServiceId", REQUIRED, WITHIN(0, 255)), TEXT("InstanceId", REQUIRED, WITHIN(0, 64)),
    TEXT("CreatorRequestId", WITHIN(0, 64)),
    MAP("Attributes", attribute_value, .key = attribute_key, REQUIRED), NO_MORE};

static const struct aws_shape tag_resource[] = {TEXT("ResourceARN", REQUIRED, WITHIN(1, 1011)),
                                                OBJECTS("Tags", tag, REQUIRED, WITHIN(0, 200)), NO_MORE};

static const struct aws_shape untag_resource[] = {
    TEXT("ResourceARN", REQUIRED, WITHIN(1, 1011)),
    LIST("TagKeys", ITEM(TEXT(NULL, WITHIN(1, 128))), REQUIRED, WITHIN(0, 200)), NO_MORE};

static const struct aws_shape http_namespace_change[] = {TEXT("Description", REQUIRED, WITHIN(0, 1024)),
                                                         NO_MORE};

static const struct aws_shape update_http_namespace[] = {
    TEXT("Id", REQUIRED, WITHIN(0, 255)), TEXT("UpdaterRequestId", WITHIN(0, 64)),
    OBJECT("Namespace", http_namespace_change, REQUIRED), NO_MORE};

static const struct aws_shape update_instance_custom_health_status[] = {
    TEXT("ServiceId", REQUIRED, WITHIN(0, 255)), TEXT("InstanceId", REQUIRED, WITHIN(0, 64)),
    TEXT("Status", REQUIRED, ONE_OF("HEALTHY|UNHEALTHY")), NO_MORE};

static const struct aws_shape dns_namespace_change[] = {TEXT("Description", WITHIN(0, 1024)),
                                                        OBJECT("Properties", namespace_properties), NO_MORE};

static const struct aws_shape update_dns_namespace[] = {
    TEXT("Id", REQUIRED, WITHIN(0, 255)), TEXT("UpdaterRequestId", WITHIN(0, 64)),
    OBJECT("Namespace", dns_namespace_change, REQUIRED), NO_MORE};

static const struct aws_shape dns_config_change[] = {OBJECTS("DnsRecords", dns_record, REQUIRED), NO_MORE};

static const struct aws_shape service_change[] = {TEXT("Description", WITHIN(0, 1024)),
                                                  OBJECT("DnsConfig", dns_config_change),
                                                  OBJECT("HealthCheckConfig", health_check_config), NO_MORE};

static const struct aws_shape update_service[] = {TEXT("Id", REQUIRED, WITHIN(0, 255)),
                                                  OBJECT("Service", service_change, REQUIRED), NO_MORE};

static const struct aws_shape update_service_attributes[] = {
    TEXT("ServiceId", REQUIRED, WITHIN(0, 255)),
    MAP("Attributes", ITEM(TEXT(NULL, WITHIN(0, 1024))), .key = ITEM(TEXT(NULL, WITHIN(0, 255))), REQUIRED,
        WITHIN(1, 30)),
    NO_MORE};

const struct aws_input cloud_map_inputs[] = {
    {"CreateHttpNamespace", create_http_namespace, NULL},
    {"CreatePrivateDnsNamespace", create_private_dns_namespace, NULL},
    {"CreatePublicDnsNamespace", create_public_dns_namespace, NULL},
    {"CreateService", create_service, NULL},
    {"DeleteNamespace", by_id, NULL},
    {"DeleteService", by_id, NULL},
    {"DeleteServiceAttributes", delete_service_attributes, NULL},
    {"DeregisterInstance", by_instance, NULL},
    {"DiscoverInstances", discover_instances, NULL},
    {"DiscoverInstancesRevision", discover_instances_revision, NULL},
    {"GetInstance", by_instance, NULL},
    {"GetInstancesHealthStatus", get_instances_health_status, NULL},
    {"GetNamespace", by_id, NULL},
    {"GetOperation", get_operation, NULL},
    {"GetService", by_id, NULL},
    {"GetServiceAttributes", by_service, NULL},
    {"ListInstances", list_instances, NULL},
    {"ListNamespaces", list_namespaces, NULL},
    {"ListOperations", list_operations, NULL},
    {"ListServices", list_services, NULL},
    {"ListTagsForResource", list_tags_for_resource, NULL},
    {"RegisterInstance", register_instance, NULL},
    {"TagResource", tag_resource, NULL},
    {"UntagResource", untag_resource, NULL},
    {"UpdateHttpNamespace", update_http_namespace, NULL},
    {"UpdateInstanceCustomHealthStatus", update_instance_custom_health_status, NULL},
    {"UpdatePrivateDnsNamespace", update_dns_namespace, NULL},
    {"UpdatePublicDnsNamespace", update_dns_namespace, NULL},
    {"UpdateService", update_service, NULL},
    {"UpdateServiceAttributes", update_service_attributes, NULL},
    {NULL, NULL, NULL},
};
