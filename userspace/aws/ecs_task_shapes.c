/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a task definition may hold, by ECS's service model of 2014-11-13. */
#include "aws/ecs_shapes.h"

static const struct aws_shape repository_credentials[] = {TEXT("credentialsParameter", REQUIRED), NO_MORE};

static const struct aws_shape port_mapping[] = {WHOLE("containerPort"),
                                                WHOLE("hostPort"),
                                                TEXT("protocol", ONE_OF("tcp|udp")),
                                                TEXT("name"),
                                                TEXT("appProtocol", ONE_OF("http|http2|grpc")),
                                                TEXT("containerPortRange"),
                                                NO_MORE};

static const struct aws_shape container_restart_policy[] = {TRUTH("enabled", REQUIRED),
                                                            LIST("ignoredExitCodes", ITEM(WHOLE(NULL))),
                                                            WHOLE("restartAttemptPeriod"), NO_MORE};

static const struct aws_shape key_value_pair[] = {TEXT("name"), TEXT("value"), NO_MORE};

static const struct aws_shape environment_file[] = {TEXT("value", REQUIRED),
                                                    TEXT("type", REQUIRED, ONE_OF("s3")), NO_MORE};

static const struct aws_shape mount_point[] = {TEXT("sourceVolume"), TEXT("containerPath"), TRUTH("readOnly"),
                                               NO_MORE};

static const struct aws_shape volume_from[] = {TEXT("sourceContainer"), TRUTH("readOnly"), NO_MORE};

static const struct aws_shape kernel_capabilities[] = {TEXTS("add"), TEXTS("drop"), NO_MORE};

static const struct aws_shape device[] = {TEXT("hostPath", REQUIRED), TEXT("containerPath"),
                                          LIST("permissions", ITEM(TEXT(NULL, ONE_OF("read|write|mknod")))),
                                          NO_MORE};

static const struct aws_shape tmpfs[] = {TEXT("containerPath", REQUIRED), WHOLE("size", REQUIRED),
                                         TEXTS("mountOptions"), NO_MORE};

static const struct aws_shape linux_parameters[] = {OBJECT("capabilities", kernel_capabilities),
                                                    OBJECTS("devices", device),
                                                    TRUTH("initProcessEnabled"),
                                                    WHOLE("sharedMemorySize"),
                                                    OBJECTS("tmpfs", tmpfs),
                                                    WHOLE("maxSwap"),
                                                    WHOLE("swappiness"),
                                                    NO_MORE};

static const struct aws_shape secret[] = {TEXT("name", REQUIRED), TEXT("valueFrom", REQUIRED), NO_MORE};

static const struct aws_shape container_dependency[] = {
    TEXT("containerName", REQUIRED), TEXT("condition", REQUIRED, ONE_OF("START|COMPLETE|SUCCESS|HEALTHY")),
    NO_MORE};

static const struct aws_shape host_entry[] = {TEXT("hostname", REQUIRED), TEXT("ipAddress", REQUIRED),
                                              NO_MORE};

static const struct aws_shape ulimit[] = {TEXT("name", REQUIRED,
                                               ONE_OF("core|cpu|data|fsize|locks|memlock|msgqueue|nice|"
                                                      "nofile|nproc|rss|rtprio|rttime|sigpending|stack")),
                                          WHOLE("softLimit", REQUIRED), WHOLE("hardLimit", REQUIRED),
                                          NO_MORE};

const struct aws_shape ecs_log_configuration[] = {
    TEXT("logDriver", REQUIRED, ONE_OF("json-file|syslog|journald|gelf|fluentd|awslogs|splunk|awsfirelens")),
    MAP("options", ITEM(TEXT(NULL))), OBJECTS("secretOptions", secret), NO_MORE};

static const struct aws_shape health_check[] = {TEXTS("command", REQUIRED), WHOLE("interval"),
                                                WHOLE("timeout"),           WHOLE("retries"),
                                                WHOLE("startPeriod"),       NO_MORE};

static const struct aws_shape system_control[] = {TEXT("namespace"), TEXT("value"), NO_MORE};

static const struct aws_shape resource_requirement[] = {
    TEXT("value", REQUIRED), TEXT("type", REQUIRED, ONE_OF("GPU|InferenceAccelerator")), NO_MORE};

static const struct aws_shape firelens_configuration[] = {TEXT("type", REQUIRED, ONE_OF("fluentd|fluentbit")),
                                                          MAP("options", ITEM(TEXT(NULL))), NO_MORE};

static const struct aws_shape container_definition[] = {
    TEXT("name"),
    TEXT("image"),
    OBJECT("repositoryCredentials", repository_credentials),
    WHOLE("cpu"),
    WHOLE("memory"),
    WHOLE("memoryReservation"),
    TEXTS("links"),
    OBJECTS("portMappings", port_mapping),
    TRUTH("essential"),
    OBJECT("restartPolicy", container_restart_policy),
    TEXTS("entryPoint"),
    TEXTS("command"),
    OBJECTS("environment", key_value_pair),
    OBJECTS("environmentFiles", environment_file),
    OBJECTS("mountPoints", mount_point),
    OBJECTS("volumesFrom", volume_from),
    OBJECT("linuxParameters", linux_parameters),
    OBJECTS("secrets", secret),
    OBJECTS("dependsOn", container_dependency),
    WHOLE("startTimeout"),
    WHOLE("stopTimeout"),
    TEXT("versionConsistency", ONE_OF("enabled|disabled")),
    TEXT("hostname"),
    TEXT("user"),
    TEXT("workingDirectory"),
    TRUTH("disableNetworking"),
    TRUTH("privileged"),
    TRUTH("readonlyRootFilesystem"),
    TEXTS("dnsServers"),
    TEXTS("dnsSearchDomains"),
    OBJECTS("extraHosts", host_entry),
    TEXTS("dockerSecurityOptions"),
    TRUTH("interactive"),
    TRUTH("pseudoTerminal"),
    MAP("dockerLabels", ITEM(TEXT(NULL))),
    OBJECTS("ulimits", ulimit),
    OBJECT("logConfiguration", ecs_log_configuration),
    OBJECT("healthCheck", health_check),
    OBJECTS("systemControls", system_control),
    OBJECTS("resourceRequirements", resource_requirement),
    OBJECT("firelensConfiguration", firelens_configuration),
    TEXTS("credentialSpecs"),
    NO_MORE};

static const struct aws_shape host_volume_properties[] = {TEXT("sourcePath"), NO_MORE};

static const struct aws_shape docker_volume_configuration[] = {
    TEXT("scope", ONE_OF("task|shared")), TRUTH("autoprovision"),          TEXT("driver"),
    MAP("driverOpts", ITEM(TEXT(NULL))),  MAP("labels", ITEM(TEXT(NULL))), NO_MORE};

static const struct aws_shape efs_authorization_config[] = {TEXT("accessPointId"),
                                                            TEXT("iam", ONE_OF("ENABLED|DISABLED")), NO_MORE};

static const struct aws_shape efs_volume_configuration[] = {
    TEXT("fileSystemId", REQUIRED),
    TEXT("rootDirectory"),
    TEXT("transitEncryption", ONE_OF("ENABLED|DISABLED")),
    WHOLE("transitEncryptionPort"),
    OBJECT("authorizationConfig", efs_authorization_config),
    NO_MORE};

static const struct aws_shape s3_files_volume_configuration[] = {
    TEXT("fileSystemArn", REQUIRED), TEXT("rootDirectory"), WHOLE("transitEncryptionPort"),
    TEXT("accessPointArn"), NO_MORE};

static const struct aws_shape fsx_windows_file_server_authorization_config[] = {
    TEXT("credentialsParameter", REQUIRED), TEXT("domain", REQUIRED), NO_MORE};

static const struct aws_shape fsx_windows_file_server_volume_configuration[] = {
    TEXT("fileSystemId", REQUIRED), TEXT("rootDirectory", REQUIRED),
    OBJECT("authorizationConfig", fsx_windows_file_server_authorization_config, REQUIRED), NO_MORE};

static const struct aws_shape volume[] = {
    TEXT("name"),
    OBJECT("host", host_volume_properties),
    OBJECT("dockerVolumeConfiguration", docker_volume_configuration),
    OBJECT("efsVolumeConfiguration", efs_volume_configuration),
    OBJECT("s3filesVolumeConfiguration", s3_files_volume_configuration),
    OBJECT("fsxWindowsFileServerVolumeConfiguration", fsx_windows_file_server_volume_configuration),
    TRUTH("configuredAtLaunch"),
    NO_MORE};

static const struct aws_shape task_definition_placement_constraint[] = {TEXT("type", ONE_OF("memberOf")),
                                                                        TEXT("expression"), NO_MORE};

static const struct aws_shape proxy_configuration[] = {TEXT("type", ONE_OF("APPMESH")),
                                                       TEXT("containerName", REQUIRED),
                                                       OBJECTS("properties", key_value_pair), NO_MORE};

static const struct aws_shape inference_accelerator[] = {TEXT("deviceName", REQUIRED),
                                                         TEXT("deviceType", REQUIRED), NO_MORE};

static const struct aws_shape ephemeral_storage[] = {WHOLE("sizeInGiB", REQUIRED), NO_MORE};

static const struct aws_shape runtime_platform[] = {
    TEXT("cpuArchitecture", ONE_OF("X86_64|ARM64")),
    TEXT("operatingSystemFamily",
         ONE_OF("WINDOWS_SERVER_2019_FULL|WINDOWS_SERVER_2019_CORE|WINDOWS_SERVER_2016_FULL|WINDOWS_SERVER_"
                "2004_CORE|WINDOWS_SERVER_2022_CORE|WINDOWS_SERVER_2022_FULL|WINDOWS_SERVER_2025_CORE|"
                "WINDOWS_SERVER_2025_FULL|WINDOWS_SERVER_20H2_CORE|LINUX")),
    NO_MORE};

const struct aws_shape ecs_register_task_definition[] = {
    TEXT("family", REQUIRED),
    TEXT("taskRoleArn"),
    TEXT("executionRoleArn"),
    TEXT("networkMode", ONE_OF("bridge|host|awsvpc|none")),
    OBJECTS("containerDefinitions", container_definition, REQUIRED),
    OBJECTS("volumes", volume),
    OBJECTS("placementConstraints", task_definition_placement_constraint),
    LIST("requiresCompatibilities", ITEM(TEXT(NULL, ONE_OF("EC2|FARGATE|EXTERNAL|MANAGED_INSTANCES")))),
    TEXT("cpu"),
    TEXT("memory"),
    OBJECTS("tags", ecs_tag, WITHIN(0, 50)),
    TEXT("pidMode", ONE_OF("host|task")),
    TEXT("ipcMode", ONE_OF("host|task|none")),
    OBJECT("proxyConfiguration", proxy_configuration),
    OBJECTS("inferenceAccelerators", inference_accelerator),
    OBJECT("ephemeralStorage", ephemeral_storage),
    OBJECT("runtimePlatform", runtime_platform),
    TRUTH("enableFaultInjection"),
    NO_MORE};
