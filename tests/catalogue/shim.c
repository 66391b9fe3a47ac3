/* Stands between a program and the reads of one file, `source.bin`, and makes them short, failing
 * or late, as SHIM_FAULT says: preloaded by the tests of the rows about the source file. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_source(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    const char *name = strrchr(path, '/');
    return name && strcmp(name, "/source.bin") == 0;
}

ssize_t pread64(int fd, void *buffer, size_t count, off64_t offset) {
    static atomic_long calls;
    ssize_t (*real)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");
    char fault[32] = "";
    long long argument = 0;
    const char *said = getenv("SHIM_FAULT");
    if (!said || !is_source(fd) || sscanf(said, "%31s %lld", fault, &argument) < 1)
        return real(fd, buffer, count, offset);
    long call = atomic_fetch_add(&calls, 1);
    int reaches = offset + (off64_t)count > argument;
    if (strcmp(fault, "eio") == 0 && reaches) {
        errno = EIO;
        return -1;
    }
    if (strcmp(fault, "again") == 0 && reaches && call % 2 == 0) {
        errno = EAGAIN;
        return -1;
    }
    if (strcmp(fault, "interrupted") == 0 && call % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    if (strcmp(fault, "short") == 0 && count > (size_t)argument) count = (size_t)argument;
    if (strcmp(fault, "hang") == 0 && call == 20) sleep((unsigned)argument);
    return real(fd, buffer, count, offset);
}

ssize_t pread(int fd, void *buffer, size_t count, off64_t offset) {
    return pread64(fd, buffer, count, offset);
}
