// Linux calls that Swift's Glibc module does not export, some because it is built without _GNU_SOURCE.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <sys/prctl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

// glibc wraps these two since 2.36; Amazon Linux 2023 has 2.34. syscall(2) itself is variadic, which Swift cannot call.
static inline int linux_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
static inline int linux_pidfd_send_signal(int pidfd, int number) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, number, (siginfo_t *)0, 0);
}

// glibc has it since 2.27, behind _GNU_SOURCE.
static inline int linux_memfd_create(const char *name) { return (int)syscall(SYS_memfd_create, name, 1u /* MFD_CLOEXEC */); }

// The GNU parts of <spawn.h> and <string.h>: in glibc since 2.26, 2.34 and 2.32.
static const short linux_spawn_setsid = 0x80;
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
extern const char *sigabbrev_np(int number);
extern int pipe2(int ends[2], int flags);
