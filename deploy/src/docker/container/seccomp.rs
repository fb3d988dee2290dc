//! The system calls that a container may make: Dayfly's own filter, the same on every engine.
//!
//! The filters of engines differ. Engine 20.10 allows the host's hypervisor over vsock, io_uring,
//! and the kernel's ciphers by AF_ALG; newer engines refuse these because of vulnerabilities. Our
//! filter always refuses them. It lists the allowed calls. It also lists the calls that need rights
//! which our containers never have: those fail with the kernel's usual error. Any other call fails
//! as if it did not exist, like on an older kernel, and programs then use an older call.
//!
//! Names are from the kernel's headers for x86-64, i386 and arm64. An engine's library ignores
//! names that it does not know.

use std::sync::OnceLock;

use serde_json::{Value, json};

/// The engine whose filter this was last compared with. A newer one may refuse more calls.
pub(crate) const ENGINE_COMPARED: u32 = 29;

/// Kernel error numbers: not permitted, no such call, unsupported address family.
const EPERM: i32 = 1;
const ENOSYS: i32 = 38;
const EAFNOSUPPORT: i32 = 97;

/// Calls that every process may make; the kernel checks any rights that they need.
const ALLOWED: &str = "
    _llseek _newselect accept accept4 access adjtimex alarm arch_prctl arm_fadvise64_64
    arm_sync_file_range bind breakpoint brk cacheflush cachestat capget capset chdir chmod chown chown32
    chroot clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
    epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64
    fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl
    fcntl64 fdatasync fgetxattr file_getattr file_setattr flistxattr flock fork fremovexattr fsetxattr
    fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue
    futex_time64 futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu
    getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32
    getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32
    getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid
    getuid32 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel
    io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get
    ioprio_set ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32
    lgetxattr link linkat listen listxattr listxattrat llistxattr lremovexattr lseek lsetxattr
    lsm_get_self_attr lsm_list_modules lstat lstat64 madvise map_shadow_stack membarrier memfd_create
    memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 modify_ldt
    mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
    mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall
    munmap name_to_handle_at nanosleep newfstatat nice oldfstat oldlstat oldolduname oldstat olduname
    open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect
    poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_madvise process_mrelease
    process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 read
    readahead readdir readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg
    remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq
    rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min
    sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
    sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler
    sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64
    sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address set_tls setfsgid setfsgid32
    setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid
    setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid
    setsockopt setuid setuid32 setxattr setxattrat sgetmask shmat shmctl shmdt shmget shutdown sigaction
    sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend splice ssetmask
    stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range sync_file_range2 syncfs
    sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64
    timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
    timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat uretprobe
    utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev
";

/// Calls that need rights which no container of ours has, or that affect more than the container:
/// modules, mounts, clocks, keys, namespaces, memory policies, page faults in user space.
const REFUSED: &str = "
    _sysctl acct add_key bpf clock_settime clock_settime64 create_module delete_module fanotify_init
    finit_module fsconfig fsmount fsopen fspick get_kernel_syms get_mempolicy init_module ioperm iopl
    kcmp kexec_file_load kexec_load keyctl listmount lookup_dcookie lsm_set_self_attr mbind
    migrate_pages mount mount_setattr move_mount move_pages nfsservctl open_by_handle_at open_tree
    open_tree_attr perf_event_open pidfd_getfd pivot_root query_module quotactl quotactl_fd reboot
    request_key set_mempolicy set_mempolicy_home_node setdomainname sethostname setns settimeofday
    statmount stime swapoff swapon sysfs syslog umount umount2 unshare uselib userfaultfd ustat vhangup
    vm86 vm86old
";

/// Calls that fail as if they did not exist. `clone3` hides its flags from the filter, and the C
/// library falls back to `clone`. io_uring makes calls that no filter sees, and its users have a
/// fallback. `socketcall`, used by 32-bit programs, hides the address family.
const ABSENT: &str = "clone3 io_uring_enter io_uring_register io_uring_setup socketcall";

/// Allowed address families of sockets: local, IPv4, IPv6, and netlink.
const FAMILIES: [u64; 4] = [1, 2, 10, 16];

/// Flags of `clone` that create namespaces.
const NAMESPACES: [u64; 7] = [
    0x0002_0000,
    0x0200_0000,
    0x0400_0000,
    0x0800_0000,
    0x1000_0000,
    0x2000_0000,
    0x4000_0000,
];

/// Allowed values for `personality`: Linux, its 32-bit form, either with the name of an older
/// kernel, and the query for the current value.
const PERSONALITIES: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// The filter, in the engine's format.
pub(super) fn profile() -> &'static str {
    static PROFILE: OnceLock<String> = OnceLock::new();
    PROFILE.get_or_init(|| filter().to_string())
}

fn filter() -> Value {
    let mut rules = vec![
        allow(ALLOWED, None),
        refuse(REFUSED, EPERM, None),
        refuse(ABSENT, ENOSYS, None),
    ];
    rules.extend(sockets());
    rules.extend(pairs());
    rules.extend(clones());
    rules.extend(PERSONALITIES.map(|one| allow("personality", Some(equal(one)))));
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        // Engine 20.10 ignores this field; its runc returns this error for calls newer than all
        // listed.
        "defaultErrnoRet": ENOSYS,
        "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
        ],
        "syscalls": rules,
    })
}

/// One rule per family, because the engine drops a rule with two conditions on one argument.
fn sockets() -> Vec<Value> {
    let highest = FAMILIES[FAMILIES.len() - 1];
    let above = json!({"index": 0, "value": highest, "op": "SCMP_CMP_GT"});
    let mut rules = vec![refuse("socket", EAFNOSUPPORT, Some(above))];
    rules.extend(
        (0..=highest).map(|family| match FAMILIES.contains(&family) {
            true => allow("socket", Some(equal(family))),
            false => refuse("socket", EAFNOSUPPORT, Some(equal(family))),
        }),
    );
    rules
}

/// Socket pairs are local; other families would create their own kinds or load kernel modules.
fn pairs() -> [Value; 3] {
    let local = FAMILIES[0];
    let above = json!({"index": 0, "value": local, "op": "SCMP_CMP_GT"});
    [
        allow("socketpair", Some(equal(local))),
        refuse("socketpair", EAFNOSUPPORT, Some(above)),
        refuse("socketpair", EAFNOSUPPORT, Some(equal(0))),
    ]
}

/// Allows new threads and processes, but no new namespaces.
fn clones() -> Vec<Value> {
    let none = NAMESPACES.iter().fold(0, |all, flag| all | flag);
    let mut rules = vec![allow("clone", Some(masked(none, 0)))];
    rules.extend(NAMESPACES.map(|flag| refuse("clone", EPERM, Some(masked(flag, flag)))));
    rules
}

fn allow(names: &str, condition: Option<Value>) -> Value {
    rule("SCMP_ACT_ALLOW", names, condition)
}

fn refuse(names: &str, error: i32, condition: Option<Value>) -> Value {
    let mut rule = rule("SCMP_ACT_ERRNO", names, condition);
    rule["errnoRet"] = json!(error);
    rule
}

fn rule(action: &str, names: &str, condition: Option<Value>) -> Value {
    let names: Vec<&str> = names.split_ascii_whitespace().collect();
    json!({"names": names, "action": action, "args": Vec::from_iter(condition)})
}

fn equal(value: u64) -> Value {
    json!({"index": 0, "value": value, "op": "SCMP_CMP_EQ"})
}

/// The condition that the first argument, masked, equals this value.
fn masked(mask: u64, left: u64) -> Value {
    json!({"index": 0, "value": mask, "valueTwo": left, "op": "SCMP_CMP_MASKED_EQ"})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_call_stands_in_two_lists() {
        let mut seen = BTreeSet::new();
        let conditional = ["clone", "personality", "socket", "socketpair"];
        let lists = [ALLOWED, REFUSED, ABSENT];
        let named = lists.iter().flat_map(|list| list.split_ascii_whitespace());
        for name in named.chain(conditional) {
            assert!(seen.insert(name), "{name} stands twice");
        }
        assert!(seen.len() > 400, "{}", seen.len());
    }
}
