//! What the process has used: processor time and memory, as its summary tells.

use rustix::time::{ClockId, clock_gettime};

/// What the process has used since it began.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Usage {
    /// Processor time of all threads, seconds.
    pub(super) cpu_s: f64,
    /// The most memory that was resident at once; `None` where the system does not tell.
    pub(super) memory_peak_bytes: Option<u64>,
}

impl Usage {
    /// Of this process, so far.
    pub(super) fn of_process() -> Usage {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        Usage {
            cpu_s: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
            memory_peak_bytes: memory_peak(),
        }
    }
}

/// `VmHWM`. Not `ru_maxrss` of `getrusage(2)`: Linux keeps that across `execve`, so that a small
/// program begun by a large one would tell the other's.
#[cfg(target_os = "linux")]
fn memory_peak() -> Option<u64> {
    peak_in(&std::fs::read_to_string("/proc/self/status").ok()?)
}

#[cfg(not(target_os = "linux"))]
fn memory_peak() -> Option<u64> {
    None
}

/// The peak in the text of `/proc/PID/status`, which counts in KiB (proc(5)).
#[cfg(any(target_os = "linux", test))]
fn peak_in(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_where_it_is_told() {
        let status = "Name:\tcurlift\nVmPeak:\t   20000 kB\nVmHWM:\t    9876 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(peak_in(status), Some(9876 << 10));
        for odd in ["", "VmHWM:\n", "VmHWM:\t12 MB\n", "VmHWM:\t99999999999999999999 kB\n"] {
            assert_eq!(peak_in(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_process_has_used_something() {
        let before = Usage::of_process();
        let sum: u64 = (0..3_000_000_u64).map(|n| std::hint::black_box(n) % 7).sum();
        assert!(sum > 0);
        assert!(Usage::of_process().cpu_s > before.cpu_s);
        if cfg!(target_os = "linux") {
            assert!(before.memory_peak_bytes.unwrap() > 1 << 20);
        }
    }
}
