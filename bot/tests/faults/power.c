/*
 * A disk that can lose power, for tests: preloaded into a process, it numbers every fsync, fdatasync and rename of a
 * file below FAULT_HOME, keeps in FAULT_DISK what would be there after a power cut, and kills the process at the one
 * numbered FAULT_NTH (before it, or after it where FAULT_AFTER is 1). A file below FAULT_DISK holds what the file of
 * the same name held when it was last synced; a name that only its folder's sync made durable is empty there.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
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

static void count_one(int after) {
    const char *nth = getenv("FAULT_NTH"), *late = getenv("FAULT_AFTER"), *told = getenv("FAULT_COUNT");
    if (!after) {
        done_so_far++;
        if (told) {
            FILE *count = fopen(told, "w");
            if (!count) abort();
            fprintf(count, "%ld", done_so_far);
            fclose(count);
        }
    }
    if (nth && atol(nth) == done_so_far && after == (late && *late == '1')) kill(getpid(), SIGKILL);
}

static int synced(int handle, const char *name) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    char link[64], path[PATH_MAX];
    struct stat found;
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    const char *rest = below(path);
    if (!rest) return real(handle);
    pthread_mutex_lock(&lock);
    count_one(0);
    int result = real(handle);
    if (result == 0 && fstat(handle, &found) == 0) {
        if (S_ISDIR(found.st_mode)) keep_names(path, rest);
        else if (found.st_nlink) keep_file(handle, rest);
    }
    count_one(1);
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int handle) { return synced(handle, "fsync"); }

int fdatasync(int handle) { return synced(handle, "fdatasync"); }

int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    char whole_from[PATH_MAX], whole_to[PATH_MAX], disk_from[PATH_MAX], disk_to[PATH_MAX];
    if (!realpath(from, whole_from)) return real(from, to);
    pthread_mutex_lock(&lock);
    const char *rest = below(whole_from);
    if (rest) {
        count_one(0);
        on_disk(disk_from, rest);
    }
    int result = real(from, to);
    if (rest && result == 0) {
        if (realpath(to, whole_to) && below(whole_to)) {
            on_disk(disk_to, below(whole_to));
            real(disk_from, disk_to);
        }
        count_one(1);
    }
    pthread_mutex_unlock(&lock);
    return result;
}
