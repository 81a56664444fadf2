/*
 * A file system that fails when a test says so: preloaded, these functions stand before those of the C library,
 * count the calls on files below one directory, and let the n-th of them fail with an error number of choice.
 * Declared by hand, so that tcc builds it without any header; for x64 and arm64.
 *
 * In one process: fault_arm() before and fault_seen() after each try, through koffi.
 * For a program of its own: OVL_FAULT="<directory>:<classes>:<errno>:<nth>:<mode>" in its environment. With a signal's
 * number and mode 2 it is sent that signal, and says "fault: hit" on stderr.
 */
typedef unsigned long size_t;
typedef long ssize_t;
typedef long off_t;

/* What a call does; `classes` is a sum of these. */
enum { TAKES = 1, CHANGES = 2, SYNCS = 4, READS = 8 };
/* What happens at the n-th call: it alone fails; it and all after it fail; the process gets signal `error`. */
enum { ONCE = 0, FROM_THEN_ON = 1, SIGNAL = 2 };

enum { AT_FDCWD = -100, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_TRUNC = 01000, EINTR = 4 };
#define RTLD_NEXT ((void *)-1l)
#define PATH_MAX 4096

void *dlsym(void *, const char *);
int *__errno_location(void);
int pthread_mutex_lock(void *);
int pthread_mutex_unlock(void *);
char *getenv(const char *);
long strtol(const char *, char **, int);
int strncmp(const char *, const char *, size_t);
size_t strlen(const char *);
char *strncpy(char *, const char *, size_t);
char *strchr(const char *, int);
int snprintf(char *, size_t, const char *, ...);
ssize_t readlink(const char *, char *, size_t);
int faccessat(int, const char *, int, int);
int kill(int, int);
long write(int, const void *, size_t);
int getpid(void);

/* A pthread_mutex_t of zeros is an unlocked mutex; it has 40 bytes on x64 and 48 on arm64. */
static long mutex[8];
static char under[PATH_MAX];
static char what[PATH_MAX + 64];
static int classes, error, mode;
static long nth, seen;

void fault_arm(const char *directory, int which, int number, long at, int how) {
  pthread_mutex_lock(mutex);
  strncpy(under, directory, PATH_MAX - 1);
  classes = which, error = number, nth = at, mode = how, seen = 0, what[0] = 0;
  pthread_mutex_unlock(mutex);
}

/* How many calls were counted since fault_arm(). */
long fault_seen(void) { return seen; }

/* The call that failed first, and its path. */
const char *fault_what(void) { return what; }

__attribute__((constructor)) static void from_environment(void) {
  char *text = getenv("OVL_FAULT"), directory[PATH_MAX], *end;
  if (text == 0 || (end = strchr(text, ':')) == 0 || end - text >= PATH_MAX) return;
  strncpy(directory, text, end - text);
  directory[end - text] = 0;
  int which = strtol(end + 1, &end, 10);
  int number = strtol(end + 1, &end, 10);
  long at = strtol(end + 1, &end, 10);
  fault_arm(directory, which, number, at, strtol(end + 1, 0, 10));
}

static int inside(int fd, const char *path) {
  char link[32], found[PATH_MAX];
  const char *place = path;
  if (path == 0 || path[0] != '/') {
    if (fd == AT_FDCWD) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, found, sizeof found - 1);
    if (length <= 0) return 0;
    found[length] = 0;
    place = found;
  }
  size_t length = strlen(under);
  return strncmp(place, under, length) == 0 && (place[length] == 0 || place[length] == '/' || place[length] == ' ');
}

/* Whether this call is to fail; errno is set then. */
static int fails(int class, const char *name, int fd, const char *path) {
  if ((classes & class) == 0) return 0;
  int before = *__errno_location();
  int hit = 0;
  pthread_mutex_lock(mutex);
  if (inside(fd, path)) {
    seen++;
    hit = mode == FROM_THEN_ON ? seen >= nth : seen == nth;
    if (hit && what[0] == 0) snprintf(what, sizeof what, "%s(%d, %s)", name, fd, path == 0 ? "" : path);
  }
  pthread_mutex_unlock(mutex);
  *__errno_location() = before;
  if (hit && mode == SIGNAL) {
    write(2, "fault: hit\n", 11);
    kill(getpid(), error);
    return 0;
  }
  if (hit) *__errno_location() = error;
  return hit;
}


/* A function of a path, or of a descriptor and a path below it. */
#define WRAP(class, name, fd, path, parameters, arguments)   \
  long name parameters {                                     \
    static long(*real) parameters;                           \
    if (real == 0) real = dlsym(RTLD_NEXT, #name);           \
    if (fails(class, #name, fd, path)) return -1;            \
    return real arguments;                                   \
  }

/* The same where the result is an int: its upper half is not defined. */
#define WRAP_INT(class, name, fd, path, parameters, arguments) \
  int name parameters {                                        \
    static int(*real) parameters;                              \
    if (real == 0) real = dlsym(RTLD_NEXT, #name);             \
    if (fails(class, #name, fd, path)) return -1;              \
    return real arguments;                                     \
  }

static int class_of_open(int flags) { return (flags & (O_CREAT | O_TRUNC)) != 0 ? TAKES : (flags & 3) == 0 ? READS : 0; }

WRAP_INT(class_of_open(flags), open, AT_FDCWD, path, (const char *path, int flags, unsigned bits), (path, flags, bits))
WRAP_INT(class_of_open(flags), open64, AT_FDCWD, path, (const char *path, int flags, unsigned bits), (path, flags, bits))
WRAP_INT(class_of_open(flags), openat, fd, path, (int fd, const char *path, int flags, unsigned bits),
         (fd, path, flags, bits))
WRAP_INT(class_of_open(flags), openat64, fd, path, (int fd, const char *path, int flags, unsigned bits),
         (fd, path, flags, bits))

WRAP(READS, read, fd, 0, (int fd, void *to, size_t length), (fd, to, length))
WRAP(READS, pread, fd, 0, (int fd, void *to, size_t length, off_t at), (fd, to, length, at))
WRAP(READS, pread64, fd, 0, (int fd, void *to, size_t length, off_t at), (fd, to, length, at))
WRAP(TAKES, write, fd, 0, (int fd, const void *from, size_t length), (fd, from, length))
WRAP(TAKES, writev, fd, 0, (int fd, const void *from, int count), (fd, from, count))
WRAP(TAKES, pwrite, fd, 0, (int fd, const void *from, size_t length, off_t at), (fd, from, length, at))
WRAP(TAKES, pwrite64, fd, 0, (int fd, const void *from, size_t length, off_t at), (fd, from, length, at))
WRAP(TAKES, sendfile64, to, 0, (int to, int from, off_t *at, size_t length), (to, from, at, length))
WRAP(TAKES, copy_file_range, to, 0,
     (int from, off_t *at, int to, off_t *where, size_t length, unsigned flags), (from, at, to, where, length, flags))

/* What is there already takes nothing: EEXIST comes first. */
WRAP_INT(faccessat(AT_FDCWD, path, 0, 0) == 0 ? 0 : TAKES, mkdir, AT_FDCWD, path, (const char *path, unsigned bits),
         (path, bits))
WRAP_INT(faccessat(fd, path, 0, 0) == 0 ? 0 : TAKES, mkdirat, fd, path, (int fd, const char *path, unsigned bits),
         (fd, path, bits))
WRAP_INT(TAKES, symlink, AT_FDCWD, path, (const char *target, const char *path), (target, path))
WRAP_INT(TAKES, symlinkat, fd, path, (const char *target, int fd, const char *path), (target, fd, path))
WRAP_INT(TAKES, link, AT_FDCWD, path, (const char *from, const char *path), (from, path))
WRAP_INT(TAKES, linkat, fd, path, (int base, const char *from, int fd, const char *path, int flags),
         (base, from, fd, path, flags))
WRAP_INT(TAKES, setxattr, AT_FDCWD, path,
         (const char *path, const char *name, const void *value, size_t length, int flags),
         (path, name, value, length, flags))
WRAP_INT(TAKES, lsetxattr, AT_FDCWD, path,
         (const char *path, const char *name, const void *value, size_t length, int flags),
         (path, name, value, length, flags))
WRAP_INT(TAKES, fsetxattr, fd, 0, (int fd, const char *name, const void *value, size_t length, int flags),
         (fd, name, value, length, flags))

WRAP_INT(CHANGES, rename, AT_FDCWD, to, (const char *from, const char *to), (from, to))
WRAP_INT(CHANGES, renameat, fd, to, (int base, const char *from, int fd, const char *to), (base, from, fd, to))
WRAP_INT(CHANGES, unlink, AT_FDCWD, path, (const char *path), (path))
WRAP_INT(CHANGES, rmdir, AT_FDCWD, path, (const char *path), (path))
WRAP_INT(CHANGES, unlinkat, fd, path, (int fd, const char *path, int flags), (fd, path, flags))
WRAP_INT(CHANGES, chmod, AT_FDCWD, path, (const char *path, unsigned bits), (path, bits))
WRAP_INT(CHANGES, fchmod, fd, 0, (int fd, unsigned bits), (fd, bits))
WRAP_INT(CHANGES, fchmodat, fd, path, (int fd, const char *path, unsigned bits, int flags), (fd, path, bits, flags))
WRAP_INT(CHANGES, fchown, fd, 0, (int fd, unsigned uid, unsigned gid), (fd, uid, gid))
WRAP_INT(CHANGES, fchownat, fd, path, (int fd, const char *path, unsigned uid, unsigned gid, int flags),
         (fd, path, uid, gid, flags))
WRAP_INT(CHANGES, futimens, fd, 0, (int fd, const void *times), (fd, times))
WRAP_INT(CHANGES, utimensat, fd, path, (int fd, const char *path, const void *times, int flags),
         (fd, path, times, flags))
WRAP_INT(CHANGES, lremovexattr, AT_FDCWD, path, (const char *path, const char *name), (path, name))
WRAP_INT(CHANGES, ftruncate, fd, 0, (int fd, off_t length), (fd, length))
WRAP_INT(CHANGES, ftruncate64, fd, 0, (int fd, off_t length), (fd, length))

WRAP_INT(SYNCS, fsync, fd, 0, (int fd), (fd))
WRAP_INT(SYNCS, fdatasync, fd, 0, (int fd), (fd))
WRAP_INT(SYNCS, syncfs, fd, 0, (int fd), (fd))

/* What is called by number: see NUMBERS in src/sys/libc.ts. */
#ifdef __x86_64__
enum { OPENAT2 = 437, MKNODAT = 259, GETDENTS64 = 217 };
#else
enum { OPENAT2 = 437, MKNODAT = 33, GETDENTS64 = 61 };
#endif

long syscall(long number, long a, long b, long c, long d, long e, long f) {
  static long (*real)(long, long, long, long, long, long, long);
  if (real == 0) real = dlsym(RTLD_NEXT, "syscall");
  if (number == OPENAT2) {
    long flags = *(long *)c;
    if (fails(class_of_open(flags), "openat2", a, (const char *)b)) return -1;
  }
  if (number == MKNODAT && fails(TAKES, "mknodat", a, (const char *)b)) return -1;
  if (number == GETDENTS64 && fails(READS, "getdents64", a, 0)) return -1;
  return real(number, a, b, c, d, e, f);
}
