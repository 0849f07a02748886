/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reads what -f names, never more than one request can carry: a file that grows, a pipe without end or a
 * directory full of large files costs a bounded amount of memory. What the text means is the daemon's to say;
 * only what JSON cannot carry to it is refused here.
 */
#include "cli/document_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/api.h"
#include "cli/report.h"
#include "cli/text.h"

#define SUFFIX ".json"
/* What the request has beside the documents: the names of its members, a namespace. */
#define ENVELOPE_ROOM 4096
/* What each document has beside source and text. */
#define DOCUMENT_ROOM (sizeof("{\"source\":\"\",\"text\":\"\"},") - 1)

struct reader {
    const struct invocation *invocation;
    cJSON *documents;
    size_t room; /* bytes that still fit into the request */
    bool has_read_stdin;
};

static int refuse(const struct reader *reader, const char *source, const char *reason)
{
    _cleanup_free_ char *printable = text_printable(source);

    return report_error(reader->invocation, CLI_FAILED, "%s: %s", printable ? printable : "", reason);
}

static int refuse_size(const struct reader *reader, const char *source)
{
    char reason[128];

    (void)snprintf(reason, sizeof(reason),
                   "with it the request is larger than %zu MiB, in which quotes and line ends count twice",
                   DOCUMENT_FILES_LIMIT >> 20);
    return refuse(reader, source, reason);
}

/* Bytes of a string inside JSON, as cJSON writes it. */
static size_t size_in_json(const char *text)
{
    size_t size = 0;

    for (const char *c = text; *c; c++) {
        if (strchr("\"\\\b\f\n\r\t", *c))
            size += 2;
        else
            size += (unsigned char)*c < 0x20 ? sizeof("\\u0000") - 1 : 1;
    }
    return size;
}

static int add_document(struct reader *reader, const char *source, const char *text)
{
    size_t size = DOCUMENT_ROOM + size_in_json(source) + size_in_json(text);
    cJSON *document;

    if (size > reader->room)
        return refuse_size(reader, source);
    reader->room -= size;
    document = cJSON_CreateObject();
    api_add_string(&document, "source", source);
    api_add_string(&document, "text", text);
    if (!document || !cJSON_AddItemToArray(reader->documents, document)) {
        cJSON_Delete(document);
        return report_error(reader->invocation, CLI_FAILED, "out of memory");
    }
    return CLI_DONE;
}

static int document_files_read_document(struct reader *reader, const char *source, int fd)
{
    _cleanup_free_ char *text = NULL;
    size_t length = 0;
    int r = file_read_rest(fd, reader->room, &text, &length);

    if (r == -EFBIG)
        return refuse_size(reader, source);
    if (r < 0)
        return refuse(reader, source, strerror(-r));
    if (memchr(text, '\0', length))
        return refuse(reader, source, "not JSON: it holds a NUL character");
    return add_document(reader, source, text);
}

static int is_document_name(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    size_t suffix = strlen(SUFFIX);

    return entry->d_name[0] != '.' && length > suffix && strcmp(entry->d_name + length - suffix, SUFFIX) == 0;
}

/* Not alphasort(): the order must not depend on a locale. */
static int document_files_compare_names(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

/* O_NONBLOCK: a FIFO is to be refused, not waited for. */
static int open_to_read(int directory, const char *name, struct stat *ret_info)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return -errno;
    if (fstat(fd, ret_info) < 0) {
        int number = errno;

        (void)close(fd);
        return -number;
    }
    return fd;
}

static int document_files_read_entry(struct reader *reader, const char *path, int directory, const char *name)
{
    size_t length = strlen(path);
    _cleanup_close_ int fd = -1;
    _cleanup_free_ char *source = NULL;
    struct stat info = {0};

    if (asprintf(&source, "%s%s%s", path, length && path[length - 1] == '/' ? "" : "/", name) < 0) {
        source = NULL;
        return report_error(reader->invocation, CLI_FAILED, "out of memory");
    }
    fd = open_to_read(directory, name, &info);
    if (fd < 0)
        return refuse(reader, source, strerror(-fd));
    if (!S_ISREG(info.st_mode))
        return refuse(reader, source, "not a regular file");
    return document_files_read_document(reader, source, fd);
}

static int read_directory(struct reader *reader, const char *path, int directory)
{
    struct dirent **entries = NULL;
    int count = scandirat(directory, ".", &entries, is_document_name, document_files_compare_names);
    int status = CLI_DONE;

    if (count < 0)
        return refuse(reader, path, strerror(errno));
    if (count == 0)
        status = refuse(reader, path, "no *" SUFFIX " in this directory");
    for (int i = 0; i < count; i++) {
        if (status == CLI_DONE)
            status = document_files_read_entry(reader, path, directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static int document_files_read_path(struct reader *reader, const char *path)
{
    _cleanup_close_ int fd = -1;
    struct stat info = {0};

    if (strcmp(path, "-") == 0) {
        if (reader->has_read_stdin)
            return report_usage(reader->invocation, "standard input (-) can be read only once");
        reader->has_read_stdin = true;
        return document_files_read_document(reader, "standard input", STDIN_FILENO);
    }
    fd = open_to_read(AT_FDCWD, path, &info);
    if (fd < 0)
        return refuse(reader, path, strerror(-fd));
    if (S_ISDIR(info.st_mode))
        return read_directory(reader, path, fd);
    if (!S_ISREG(info.st_mode))
        return refuse(reader, path, "neither a regular file nor a directory");
    return document_files_read_document(reader, path, fd);
}

int document_files_read(const struct invocation *invocation, cJSON **ret_documents)
{
    _cleanup_json_ cJSON *documents = cJSON_CreateArray();
    struct reader reader = {
        .invocation = invocation,
        .documents = documents,
        .room = DOCUMENT_FILES_LIMIT - ENVELOPE_ROOM,
    };

    if (!documents)
        return report_error(invocation, CLI_FAILED, "out of memory");
    for (size_t i = 0; i < invocation->file_count; i++) {
        int status = document_files_read_path(&reader, invocation->files[i]);

        if (status != CLI_DONE)
            return status;
    }
    *ret_documents = TAKE_PTR(documents);
    return CLI_DONE;
}
