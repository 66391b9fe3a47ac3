//! The only unsafe code of the crate: what libcurl and the kernel offer and the `curl` and `std`
//! crates do not. Each function checks what makes its call sound; none decides anything.
#![expect(unsafe_code, reason = "libcurl's C interface and a few system calls, nowhere else")]

use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use curl::easy::Easy2;
use curl::multi::Easy2Handle;
use curl_sys::{CURL, CURLINFO, CURLoption};
use libc::{c_int, c_long, c_void};

/// `CURLOPT_SUPPRESS_CONNECT_HEADERS`, since 7.54: a proxy's answer to CONNECT is not S3's.
pub(super) const SUPPRESS_CONNECT_HEADERS: CURLoption = 265;
/// `CURLOPT_DNS_SHUFFLE_ADDRESSES`, since 7.60.
pub(super) const DNS_SHUFFLE_ADDRESSES: CURLoption = 275;
/// `CURLINFO_SIZE_UPLOAD_T`, since 7.55: bytes of the body written to the socket.
pub(super) const SIZE_UPLOAD: CURLINFO = INFO_OFF_T + 7;
/// `CURLINFO_CONNECT_TIME_T`, since 7.61: microseconds until the connection stood.
pub(super) const CONNECT_TIME: CURLINFO = INFO_OFF_T + 52;
/// `CURLINFO_PRETRANSFER_TIME_T`, since 7.61: microseconds until the request could be sent.
pub(super) const PRETRANSFER_TIME: CURLINFO = INFO_OFF_T + 53;
/// `CURLINFO_APPCONNECT_TIME_T`, since 7.61: microseconds until TLS stood.
pub(super) const APPCONNECT_TIME: CURLINFO = INFO_OFF_T + 56;

/// `CURLINFO_HTTP_VERSION`, since 7.50: one of `CURL_HTTP_VERSION_…`; 0 where nothing was said.
pub(super) const HTTP_VERSION: CURLINFO = INFO_LONG + 46;
/// `CURLINFO_LOCAL_PORT`: our end's port of the last connection; 0 where there was none.
pub(super) const LOCAL_PORT: CURLINFO = INFO_LONG + 42;

const INFO_LONG: CURLINFO = 0x20_0000;
const INFO_OFF_T: CURLINFO = 0x60_0000;
const INFO_ACTIVESOCKET: CURLINFO = 0x50_0000 + 44;
/// Option numbers below this take a `long`, those above a pointer or a `curl_off_t`.
const OPTION_POINTERS: CURLoption = 10_000;
const OPTION_FUNCTIONS: CURLoption = 20_000;

/// An easy handle, whether or not it is inside a multi handle.
pub(super) trait Handle {
    /// Alive as long as `self`.
    fn pointer(&self) -> *mut CURL;
}

impl<H> Handle for Easy2<H> {
    fn pointer(&self) -> *mut CURL {
        self.raw()
    }
}

impl<H> Handle for Easy2Handle<H> {
    fn pointer(&self) -> *mut CURL {
        self.raw()
    }
}

/// Sets an option that takes a `long` and for which the curl crate has no method.
pub(super) fn set_long<H>(
    easy: &mut Easy2<H>,
    option: CURLoption,
    value: c_long,
) -> Result<(), curl::Error> {
    assert!(option < OPTION_POINTERS, "option {option} does not take a long");
    // SAFETY: the handle lives as long as `easy`; options of this range read one `long`.
    check(unsafe { curl_sys::curl_easy_setopt(easy.pointer(), option, value) })
}

/// Sets a string option back to unset.
pub(super) fn unset<H>(easy: &mut Easy2<H>, option: CURLoption) -> Result<(), curl::Error> {
    assert!((OPTION_POINTERS..OPTION_FUNCTIONS).contains(&option), "option {option} has no NULL");
    // SAFETY: the handle lives as long as `easy`; options of this range read one pointer, and
    // NULL stands for "none" in every one of them.
    check(unsafe { curl_sys::curl_easy_setopt(easy.pointer(), option, ptr::null::<c_void>()) })
}

/// A number of the kind `curl_off_t`; `None` where this libcurl does not know it.
pub(super) fn info(handle: &impl Handle, which: CURLINFO) -> Option<u64> {
    assert!(which & curl_sys::CURLINFO_TYPEMASK == INFO_OFF_T, "info {which} is no curl_off_t");
    let mut value: curl_sys::curl_off_t = 0;
    // SAFETY: the handle lives as long as `handle`; an info of this type writes one `curl_off_t`.
    let code =
        unsafe { curl_sys::curl_easy_getinfo(handle.pointer(), which, ptr::from_mut(&mut value)) };
    (code == curl_sys::CURLE_OK).then(|| u64::try_from(value).unwrap_or(0))
}

/// A number of the kind `long`; `None` where this libcurl does not know it.
pub(super) fn info_long(handle: &impl Handle, which: CURLINFO) -> Option<c_long> {
    assert!(which & curl_sys::CURLINFO_TYPEMASK == INFO_LONG, "info {which} is no long");
    let mut value: c_long = 0;
    // SAFETY: the handle lives as long as `handle`; an info of this type writes one `long`.
    let code =
        unsafe { curl_sys::curl_easy_getinfo(handle.pointer(), which, ptr::from_mut(&mut value)) };
    (code == curl_sys::CURLE_OK).then_some(value)
}

/// `CURLINFO_ACTIVESOCKET`: the socket of the connection in use, if there is one.
pub(super) fn active_socket(handle: &impl Handle) -> Option<RawFd> {
    let mut socket: curl_sys::curl_socket_t = curl_sys::CURL_SOCKET_BAD;
    // SAFETY: the handle lives as long as `handle`; this info writes one `curl_socket_t`.
    let code = unsafe {
        curl_sys::curl_easy_getinfo(handle.pointer(), INFO_ACTIVESOCKET, ptr::from_mut(&mut socket))
    };
    (code == curl_sys::CURLE_OK && socket != curl_sys::CURL_SOCKET_BAD).then_some(socket)
}

/// Bytes written to `socket` that the peer has not acknowledged (`SIOCOUTQ`, Linux); 0 elsewhere
/// and where the socket is gone.
pub(super) fn unacknowledged(socket: RawFd) -> u64 {
    if !cfg!(target_os = "linux") {
        return 0;
    }
    let mut waiting: c_int = 0;
    // SAFETY: SIOCOUTQ (the same number as TIOCOUTQ) writes one `int`; on a number that is no
    // socket the kernel answers with an error.
    let code = unsafe { libc::ioctl(socket, libc::TIOCOUTQ, ptr::from_mut(&mut waiting)) };
    if code == 0 { u64::try_from(waiting).unwrap_or(0) } else { 0 }
}

/// A duplicate of `descriptor` with a number of at least `lowest`, closed on exec.
pub(super) fn duplicate(descriptor: BorrowedFd<'_>, lowest: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC reads one `int` and touches no memory.
    let number =
        unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest as c_int) };
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// `RLIMIT_NOFILE`: the soft and the hard limit of open descriptors.
pub(super) fn open_files_limit() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes one `rlimit`.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, ptr::from_mut(&mut limit)) } {
        0 => Ok(limit),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sets `RLIMIT_NOFILE` for this process.
pub(super) fn set_open_files_limit(limit: libc::rlimit) -> io::Result<()> {
    // SAFETY: reads one `rlimit`.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, ptr::from_ref(&limit)) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Unmaps pages of code out of a file that were never written to; they are mapped again, with the
/// same content, when they are next used.
pub(super) fn unmap_clean_code(range: Range<usize>) {
    let start = ptr::without_provenance_mut::<c_void>(range.start);
    // SAFETY: the range is a whole mapping of this process that is readable, executable, not
    // writable, and equal to its file in every page (`footprint::clean_code`), so that dropping
    // its pages changes nothing that can be observed. It stays mapped. An error changes nothing.
    unsafe { libc::madvise(start, range.len(), libc::MADV_DONTNEED) };
}

fn check(code: curl_sys::CURLcode) -> Result<(), curl::Error> {
    if code == curl_sys::CURLE_OK { Ok(()) } else { Err(curl::Error::new(code)) }
}
