/*
 * A disk that can lose power, tear a write or fill up, for tests: preloaded into a process, it numbers what that does
 * to files below FAULT_HOME (fsync, fdatasync and rename; with FAULT_KINDS=all also every write, truncation, new file,
 * new folder and removal; with FAULT_KINDS=writes those that take room alone), keeps in FAULT_DISK what would be there
 * after a power cut, and lets the one numbered FAULT_NTH go wrong as FAULT_WAY says:
 *
 *     before, after   the process is killed there
 *     torn            half of the bytes are written, then the process is killed
 *     fails           it fails once with EIO
 *     full            it and all that takes room from then on fails with ENOSPC
 *
 * A file below FAULT_DISK holds what the file of the same name held when it was last synced; a name that only its
 * folder's sync made durable is empty there. Files whose path holds FAULT_NOT are let be. FAULT_COUNT gets one line
 * for each operation.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long done_so_far;

static const char *below(const char *path) {
    const char *home = getenv("FAULT_HOME");
    size_t length = home ? strlen(home) : 0;
    if (!length || strncmp(path, home, length) != 0) return NULL;
    return path[length] == '/' ? path + length : path[length] ? NULL : "";
}

static void on_disk(char *out, const char *rest) {
    snprintf(out, PATH_MAX, "%s%s", getenv("FAULT_DISK"), rest);
}

static void make_folders(char *path) {
    for (char *at = path + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        mkdir(path, 0700);
        *at = '/';
    }
}

static void keep_file(int handle, const char *rest) {
    char target[PATH_MAX], block[65536];
    off_t at = 0;
    ssize_t count;
    on_disk(target, rest);
    make_folders(target);
    char source[64];
    snprintf(source, sizeof source, "/proc/self/fd/%d", handle);
    int in = open(source, O_RDONLY | O_CLOEXEC), out = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (in < 0 || out < 0) abort();
    while ((count = pread(in, block, sizeof block, at)) > 0) {
        if (write(out, block, (size_t)count) != count) abort();
        at += count;
    }
    close(in);
    close(out);
}

static void keep_names(const char *folder, const char *rest) {
    char target[PATH_MAX], source[PATH_MAX];
    struct dirent *one;
    struct stat found;
    DIR *names = opendir(folder);
    if (!names) abort();
    on_disk(target, rest);
    strcat(target, "/");
    make_folders(target);
    size_t length = strlen(target);
    while ((one = readdir(names))) {
        if (snprintf(source, sizeof source, "%s/%s", folder, one->d_name) >= (int)sizeof source) abort();
        if (!strcmp(one->d_name, ".") || !strcmp(one->d_name, "..") || stat(source, &found)) continue;
        strncpy(target + length, one->d_name, PATH_MAX - length - 1);
        if (S_ISDIR(found.st_mode)) mkdir(target, 0700);
        else close(open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    closedir(names);
    target[length] = 0;
    if (!(names = opendir(target))) abort();
    while ((one = readdir(names))) {
        if (snprintf(source, sizeof source, "%s/%s", folder, one->d_name) >= (int)sizeof source) abort();
        strncpy(target + length, one->d_name, PATH_MAX - length - 1);
        if (lstat(source, &found)) unlink(target);
    }
    closedir(names);
}

enum { SYNC = 1, ROOM = 2, GONE = 4 };

static int counted(int kind) {
    const char *kinds = getenv("FAULT_KINDS");
    if (kinds && !strcmp(kinds, "all")) return 1;
    return kind == (kinds && !strcmp(kinds, "writes") ? ROOM : SYNC);
}

static int way_is(const char *name) {
    const char *way = getenv("FAULT_WAY");
    return way && !strcmp(way, name);
}

static long nth_of(void) {
    const char *nth = getenv("FAULT_NTH");
    return nth ? atol(nth) : 0;
}

/* Number an operation that is about to run; gives the error it must fail with, or 0. */
static int begins(int kind, const char *name, const char *rest) {
    if (!counted(kind)) return 0;
    const char *told = getenv("FAULT_COUNT");
    done_so_far++;
    if (told) {
        FILE *count = fopen(told, "a");
        if (!count) abort();
        fprintf(count, "%s %s\n", name, rest);
        fclose(count);
    }
    long nth = nth_of();
    if (!nth) return 0;
    if (way_is("full")) return kind == ROOM && done_so_far >= nth ? ENOSPC : 0;
    if (nth != done_so_far) return 0;
    if (way_is("fails")) return EIO;
    if (way_is("before")) kill(getpid(), SIGKILL);
    return 0;
}

static void ended(int kind) {
    if (counted(kind) && nth_of() == done_so_far && way_is("after")) kill(getpid(), SIGKILL);
}

static int is_torn(int kind) { return counted(kind) && nth_of() == done_so_far && way_is("torn"); }

static const char *watched(const char *path) {
    const char *rest = below(path), *not = getenv("FAULT_NOT");
    return rest && not && *not && strstr(rest, not) ? NULL : rest;
}

static const char *path_of(int handle, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return watched(path);
}

static const char *whole(const char *given, char *path) {
    char folder[PATH_MAX], *last;
    if (!getenv("FAULT_HOME") || strlen(given) >= PATH_MAX) return NULL;
    strcpy(folder, given);
    if ((last = strrchr(folder, '/'))) *last++ = 0;
    if (!realpath(last ? (*folder ? folder : "/") : ".", path)) return NULL;
    if (strlen(path) + strlen(last ? last : given) + 2 > PATH_MAX) return NULL;
    strcat(strcat(path, "/"), last ? last : given);
    return watched(path);
}

#define REAL(type, name, ...) type (*real)(__VA_ARGS__) = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)
#define REFUSED(code, value) { pthread_mutex_unlock(&lock); errno = code; return value; }

static int synced(int handle, const char *name) {
    REAL(int, name, int);
    char path[PATH_MAX];
    struct stat found;
    const char *rest = path_of(handle, path);
    if (!rest) return real(handle);
    pthread_mutex_lock(&lock);
    int wrong = begins(SYNC, name, rest);
    if (wrong) REFUSED(wrong, -1)
    int result = real(handle);
    if (result == 0 && fstat(handle, &found) == 0) {
        if (S_ISDIR(found.st_mode)) keep_names(path, rest);
        else if (found.st_nlink) keep_file(handle, rest);
    }
    ended(SYNC);
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int handle) { return synced(handle, "fsync"); }

int fdatasync(int handle) { return synced(handle, "fdatasync"); }

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    char whole_from[PATH_MAX], whole_to[PATH_MAX], disk_from[PATH_MAX], disk_to[PATH_MAX];
    if (!realpath(from, whole_from)) return real(from, to);
    const char *rest = watched(whole_from);
    if (!rest) return real(from, to);
    pthread_mutex_lock(&lock);
    int wrong = begins(SYNC, "rename", rest);
    if (wrong) REFUSED(wrong, -1)
    on_disk(disk_from, rest);
    int result = real(from, to);
    if (result == 0 && realpath(to, whole_to) && below(whole_to)) {
        on_disk(disk_to, below(whole_to));
        real(disk_from, disk_to);
    }
    ended(SYNC);
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t write(int handle, const void *bytes, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    char path[PATH_MAX];
    const char *rest = path_of(handle, path);
    if (!rest) return real(handle, bytes, size);
    pthread_mutex_lock(&lock);
    int wrong = begins(ROOM, "write", rest);
    if (wrong) REFUSED(wrong, -1)
    if (is_torn(ROOM) && real(handle, bytes, size / 2) >= 0) kill(getpid(), SIGKILL);
    ssize_t result = real(handle, bytes, size);
    ended(ROOM);
    pthread_mutex_unlock(&lock);
    return result;
}

static ssize_t written_at(const char *name, int handle, const void *bytes, size_t size, off_t at) {
    REAL(ssize_t, name, int, const void *, size_t, off_t);
    char path[PATH_MAX];
    const char *rest = path_of(handle, path);
    if (!rest) return real(handle, bytes, size, at);
    pthread_mutex_lock(&lock);
    int wrong = begins(ROOM, name, rest);
    if (wrong) REFUSED(wrong, -1)
    if (is_torn(ROOM) && real(handle, bytes, size / 2, at) >= 0) kill(getpid(), SIGKILL);
    ssize_t result = real(handle, bytes, size, at);
    ended(ROOM);
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t pwrite(int handle, const void *bytes, size_t size, off_t at) {
    return written_at("pwrite", handle, bytes, size, at);
}

ssize_t pwrite64(int handle, const void *bytes, size_t size, off64_t at) {
    return written_at("pwrite64", handle, bytes, size, at);
}

static int cut_to(const char *name, int handle, off_t size) {
    REAL(int, name, int, off_t);
    char path[PATH_MAX];
    const char *rest = path_of(handle, path);
    if (!rest) return real(handle, size);
    pthread_mutex_lock(&lock);
    int wrong = begins(GONE, name, rest);
    if (wrong) REFUSED(wrong, -1)
    int result = real(handle, size);
    ended(GONE);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int handle, off_t size) { return cut_to("ftruncate", handle, size); }

int ftruncate64(int handle, off64_t size) { return cut_to("ftruncate64", handle, size); }

static int opened(const char *name, const char *given, int flags, mode_t mode) {
    REAL(int, name, const char *, int, ...);
    char path[PATH_MAX];
    struct stat found;
    if (!(flags & O_CREAT) || stat(given, &found) == 0) return real(given, flags, mode);
    const char *rest = whole(given, path);
    if (!rest) return real(given, flags, mode);
    pthread_mutex_lock(&lock);
    int wrong = begins(ROOM, "make", rest);
    if (wrong) REFUSED(wrong, -1)
    int result = real(given, flags, mode);
    ended(ROOM);
    pthread_mutex_unlock(&lock);
    return result;
}

#define MODE_OF(flags) \
    mode_t mode = 0; \
    if (flags & O_CREAT) { va_list more; va_start(more, flags); mode = (mode_t)va_arg(more, int); va_end(more); }

int open(const char *path, int flags, ...) { MODE_OF(flags) return opened("open", path, flags, mode); }

int open64(const char *path, int flags, ...) { MODE_OF(flags) return opened("open64", path, flags, mode); }

int mkdir(const char *given, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    char path[PATH_MAX];
    const char *rest = whole(given, path);
    if (!rest) return real(given, mode);
    pthread_mutex_lock(&lock);
    int wrong = begins(ROOM, "mkdir", rest);
    if (wrong) REFUSED(wrong, -1)
    int result = real(given, mode);
    ended(ROOM);
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *given) {
    REAL(int, "unlink", const char *);
    char path[PATH_MAX];
    const char *rest = whole(given, path);
    if (!rest) return real(given);
    pthread_mutex_lock(&lock);
    int wrong = begins(GONE, "unlink", rest);
    if (wrong) REFUSED(wrong, -1)
    int result = real(given);
    ended(GONE);
    pthread_mutex_unlock(&lock);
    return result;
}
