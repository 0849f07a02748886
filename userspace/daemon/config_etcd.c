/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/config_etcd.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/file.h"

#define PATIENCE_MS 5000

/* What is left to the system or is not there, as the settings of etcd have it. */
static const char *config_etcd_text(const char *text)
{
    return strcmp(text, "off") == 0 || strcmp(text, "system") == 0 ? "" : text;
}

bool config_has_fleet(const struct config *config)
{
    return strcmp(config->registry, "sqlite") != 0;
}

int config_check_registry(struct config *config, const struct config_setting *setting, struct error *error)
{
    const char *text = setting_text_of(config, setting);
    struct etcd_settings settings = {0};
    int r;

    if (strcmp(text, "sqlite") == 0)
        return 0;
    if (strncmp(text, "etcd:", 5) != 0)
        return error_input(error, setting->member, text, "sqlite, etcd:URL[,URL...]");
    r = etcd_settings_read(text, &settings, error);
    etcd_settings_done(&settings);
    return r;
}

int config_check_etcd_prefix(struct config *config, const struct config_setting *setting, struct error *error)
{
    return etcd_prefix_check("etcd.prefix", setting_text_of(config, setting), error);
}

/* etcd grants none that is shorter. */
int config_check_etcd_lease(struct config *config, const struct config_setting *setting, struct error *error)
{
    char text[16];

    (void)setting;
    if (config->etcd_lease_s != 1)
        return 0;
    (void)snprintf(text, sizeof(text), "%u", config->etcd_lease_s);
    return error_input(error, "etcd.leaseSeconds", text, "0, or a whole number from 2 to 3600");
}

int config_check_fleet(const struct config *config, struct error *error)
{
    if (!config_has_fleet(config))
        return 0;
    if (*config_etcd_text(config->etcd_user) && !*config_etcd_text(config->etcd_password_file))
        return error_input(error, "etcd.passwordFile", config->etcd_password_file,
                           "a file with the password of etcd.user");
    if (*config_etcd_text(config->etcd_key_file) && !*config_etcd_text(config->etcd_cert_file))
        return error_input(error, "etcd.certFile", config->etcd_cert_file, "the certificate of etcd.keyFile");
    /* Each host would take the instances of the others' containers for those of containers that have gone. */
    if (strcmp(config->container_runtimes, "none") != 0 && strcmp(config->container_runtimes, "auto") != 0)
        return error_input(error, "containerRuntime", config->container_runtimes,
                           "none: with a registry in etcd containers are not followed yet");
    return 0;
}

int config_etcd_settings(const struct config *config, const char *host, struct etcd_settings *ret_settings,
                         struct error *error)
{
    struct etcd_settings settings = {
        .prefix = config->etcd_prefix,
        .host = host,
        .ca_file = config_etcd_text(config->etcd_ca_file),
        .cert_file = config_etcd_text(config->etcd_cert_file),
        .key_file = config_etcd_text(config->etcd_key_file),
        .user = config_etcd_text(config->etcd_user),
        .password_file = config_etcd_text(config->etcd_password_file),
        .max_txn_ops = config->etcd_max_txn_ops,
        .max_bytes = config->etcd_max_bytes,
        .patience_ms = PATIENCE_MS,
        .lease_s = config->etcd_lease_s,
        .mass_percent = config->etcd_mass_percent,
        .audit_s = config->etcd_audit_s,
    };
    int r = etcd_settings_read(config->registry, &settings, error);

    if (r == 0)
        *ret_settings = settings;
    return r;
}

static bool is_host_id(const char *text)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
            return false;
    return n > 0 && n < ETCD_HOST_SIZE;
}

int config_host_id(const char *state_dir, char ret_id[static ETCD_HOST_SIZE], struct error *error)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_free_ char *text = NULL;
    uint64_t random[2];
    int r;

    if (asprintf(&path, "%s/host-id", state_dir) < 0)
        return error_errno(error, ENOMEM, "starting");
    r = file_read(path, 4096, &text, NULL);
    if (r == -ENOENT) {
        if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
            return error_errno(error, EIO, "starting");
        (void)snprintf(ret_id, ETCD_HOST_SIZE, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
        r = file_replace(path, 0600, ret_id, strlen(ret_id));
        return r < 0 ? error_errno(error, r, "writing %s", path) : 0;
    }
    if (r < 0)
        return error_errno(error, r, "reading %s", path);
    text[strcspn(text, "\n")] = '\0';
    if (!is_host_id(text))
        return error_input(error, path, text, "1 to %d letters, digits, -, _ and .", ETCD_HOST_SIZE - 1);
    (void)snprintf(ret_id, ETCD_HOST_SIZE, "%s", text);
    return 0;
}
