//! Gives back what only the start of the program needed.
//!
//! Reading arguments and credentials and setting up TLS touches several MiB of code that an upload
//! never runs again, and all of it counts as memory of this process for as long as it lives. The
//! kernel has it in its page cache and maps again what is still used.

use std::ops::Range;

use super::raw;

/// Unmaps the pages of code and constants that are mapped now. Does nothing where the kernel does
/// not tell what is mapped (other systems than Linux, no `/proc`).
pub fn release_startup_code() {
    let Ok(mappings) = std::fs::read_to_string("/proc/self/smaps") else { return };
    for range in clean_files(&mappings) {
        raw::unmap_clean_file(range);
    }
}

/// The address ranges of `smaps` (proc(5)) that hold code or constants out of a file, not one page
/// of which was ever written to: a debugger's breakpoint, a probe or an address that was put in
/// when the program was loaded would be lost.
fn clean_files(smaps: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut candidate = None;
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("Anonymous:"), Some("0")) => ranges.extend(candidate.take()),
            (Some(first), Some(permissions)) if !first.ends_with(':') => {
                let is_file = words.nth(3).is_some_and(|path| path.starts_with('/'));
                let is_read_only = ["r-xp", "r--p"].contains(&permissions) && is_file;
                candidate = addresses(first).filter(|_| is_read_only);
            }
            _ => {}
        }
    }
    ranges
}

/// `55d0c0e00000-55d0c1600000`
fn addresses(text: &str) -> Option<Range<usize>> {
    let (start, end) = text.split_once('-')?;
    Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
5000-7000 r--p 00000000 fe:00 42 /usr/bin/a\nRss: 8 kB\nAnonymous: 0 kB\n\
a000-b000 r--p 00005000 fe:00 42 /usr/bin/a\nRss: 4 kB\nAnonymous: 4 kB\n\
7000-9000 r-xp 00002000 fe:00 42 /usr/bin/a\nRss: 8 kB\nAnonymous: 0 kB\nVmFlags: rd ex\n\
9000-a000 rw-p 00004000 fe:00 42 /usr/bin/a\nRss: 4 kB\nAnonymous: 4 kB\n\
b000-d000 r-xp 00000000 fe:00 43 /lib/probed.so\nRss: 8 kB\nAnonymous: 4 kB\n\
d000-e000 r-xp 00000000 fe:00 44 /lib/with a blank.so\nRss: 8 kB\nAnonymous: 0 kB\n\
f000-f100 r-xp 00000000 00:00 0 [vdso]\nRss: 4 kB\nAnonymous: 0 kB\n";

    #[test]
    fn only_what_is_as_it_is_in_its_file_is_given_back() {
        assert_eq!(clean_files(SMAPS), [0x5000..0x7000, 0x7000..0x9000, 0xd000..0xe000]);
        assert_eq!(clean_files("no such lines"), []);
    }

    #[test]
    fn the_program_runs_on_and_is_smaller() {
        let resident = || {
            let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
            statm.split(' ').nth(2).unwrap().parse::<usize>().unwrap()
        };
        let before = resident();
        release_startup_code();
        assert!(resident() < before, "{} pages of files, {before} before", resident());
    }
}
