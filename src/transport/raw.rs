//! The only unsafe code of the crate: what libcurl and the kernel offer and the `curl` and `std`
//! crates do not. Each function checks what makes its call sound; none decides anything.
#![expect(unsafe_code, reason = "libcurl's C interface and a few system calls, nowhere else")]

use std::ffi::{CString, NulError};
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::Arc;

use curl::easy::{Easy, Easy2, Handler};
use curl::multi::{Easy2Handle, Multi};
use curl_sys::{CURL, CURLINFO, CURLoption};
use libc::{c_int, c_long, c_void};

use crate::curlopt::{Assignment, CurlOption, Kind, Unit, Value};

/// `CURLOPT_SUPPRESS_CONNECT_HEADERS`, since 7.54: a proxy's answer to CONNECT is not S3's.
pub(super) const SUPPRESS_CONNECT_HEADERS: CURLoption = 265;
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

impl Handle for Easy {
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

/// Options and their values as libcurl takes them; owns what libcurl only borrows.
#[derive(Debug, Default)]
pub(super) struct Prepared(Vec<(u32, Argument)>);

#[derive(Debug)]
enum Argument {
    Long(c_long),
    OffT(curl_sys::curl_off_t),
    /// libcurl copies it.
    Text(CString),
    /// libcurl keeps the pointer, until the option is set again or the handle is reset.
    List(List),
    /// libcurl copies it, for we ask it to.
    Blob(Vec<u8>),
}

/// A `curl_slist`.
#[derive(Debug)]
struct List(*mut curl_sys::curl_slist);

// SAFETY: the list is never changed after it was made, and freed by its only owner.
unsafe impl Send for List {}
// SAFETY: as above; libcurl only reads it.
unsafe impl Sync for List {}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: made by `curl_slist_append`, or null, which is allowed; freed once.
        unsafe { curl_sys::curl_slist_free_all(self.0) };
    }
}

impl List {
    fn new(lines: &[String]) -> Result<List, NulError> {
        let mut list = List(ptr::null_mut());
        for line in lines {
            let line = CString::new(line.as_str())?;
            // SAFETY: the list is null or whole; the line is copied.
            let longer = unsafe { curl_sys::curl_slist_append(list.0, line.as_ptr()) };
            assert!(!longer.is_null(), "no memory for a line of a list");
            list.0 = longer;
        }
        Ok(list)
    }
}

/// `struct curl_blob`, since 7.71.
#[repr(C)]
struct Blob {
    data: *const c_void,
    length: usize,
    flags: libc::c_uint,
}

/// `CURL_BLOB_COPY`.
const BLOB_COPY: libc::c_uint = 1;

/// What keeps the lists of an easy handle alive for as long as the handle itself: its handler.
pub(super) trait Keeps {
    /// Keeps `prepared`, in place of any other.
    fn keep(&mut self, prepared: Arc<Prepared>);
}

impl Prepared {
    /// Takes values over; those with a NUL inside cannot be.
    pub(super) fn new(assignments: &[Assignment]) -> Result<Prepared, NulError> {
        let prepare = |set: &Assignment| {
            let argument = match (&set.value, set.option.kind) {
                (Value::Number(number), Kind::OffT) => Argument::OffT(*number),
                (Value::Number(number), Kind::Long | Kind::Values) => {
                    Argument::Long(*number as c_long)
                }
                (Value::Text(text), Kind::String) => Argument::Text(CString::new(text.as_str())?),
                (Value::List(lines), Kind::List) => Argument::List(List::new(lines)?),
                (Value::Blob(bytes), Kind::Blob) => Argument::Blob(bytes.clone()),
                (_, kind) => panic!("{set:?} is no value for a {}", kind.c_type()),
            };
            argument.expect_kind(set.option.id);
            Ok((set.option.id, argument))
        };
        assignments.iter().map(prepare).collect::<Result<_, _>>().map(Prepared)
    }

    /// Resets `easy` and sets them all; stops at the first that libcurl refuses, and names it by
    /// its place.
    pub(super) fn reset_to<H: Handler + Keeps>(
        self: &Arc<Prepared>,
        easy: &mut Easy2<H>,
    ) -> Result<(), (usize, curl::Error)> {
        // libcurl forgets the lists that are set before they are let go.
        easy.reset();
        easy.get_mut().keep(Arc::clone(self));
        for (place, (option, argument)) in self.0.iter().enumerate() {
            // SAFETY: the handle lives as long as `easy`, and what the arguments point to as long
            // as the handle, for its handler keeps `self`.
            check(unsafe { argument.set(easy.pointer(), *option) })
                .map_err(|error| (place, error))?;
        }
        Ok(())
    }

    /// Sets each on an easy handle made for that; what libcurl says to each.
    pub(super) fn try_each(&self) -> Vec<Result<(), curl::Error>> {
        let mut easy = Easy::new();
        let set = |(option, argument): &(u32, Argument)| {
            // SAFETY: the handle lives as long as `easy`, which ends within this call; `self`, and
            // what the arguments point to, lives longer.
            let said = check(unsafe { argument.set(easy.pointer(), *option) });
            if matches!(argument, Argument::Text(_)) {
                // It may name a file that libcurl writes when the handle ends (`HSTS`); whether it
                // can be taken back does not matter to who asks.
                let _ = unset(&mut easy, *option);
            }
            said
        };
        self.0.iter().map(set).collect()
    }

    /// Sets each on `multi`; what libcurl says to each.
    pub(super) fn set_on_multi(&self, multi: &Multi) -> Vec<Result<(), curl::MultiError>> {
        let set = |(option, argument): &(u32, Argument)| {
            let option = *option as curl_sys::CURLMoption;
            // SAFETY: the handle lives as long as `multi`; the ranges of the numbers are those of
            // easy options, and the argument is of its range (`expect_kind`).
            let code = unsafe {
                match argument {
                    // The same call reads a `long` or a `curl_off_t`, as the number says.
                    Argument::Long(number) | Argument::OffT(number) => {
                        curl_sys::curl_multi_setopt(multi.raw(), option, *number)
                    }
                    Argument::Text(_) | Argument::List(_) | Argument::Blob(_) => {
                        curl_sys::CURLM_UNKNOWN_OPTION
                    }
                }
            };
            if code == curl_sys::CURLM_OK { Ok(()) } else { Err(curl::MultiError::new(code)) }
        };
        self.0.iter().map(set).collect()
    }
}

impl Argument {
    /// That an option with this number reads an argument of this kind: libcurl tells the kinds
    /// apart by the number alone.
    fn expect_kind(&self, option: u32) {
        let range = match self {
            Argument::Long(_) => 1..10_000,
            Argument::Text(_) | Argument::List(_) => 10_000..20_000,
            Argument::OffT(_) => 30_000..40_000,
            Argument::Blob(_) => 40_000..50_000,
        };
        assert!(range.contains(&option), "option {option} does not take {self:?}");
    }

    /// # Safety
    /// `handle` must be alive, and whatever the argument points to must live as long as the handle,
    /// or until it is reset.
    unsafe fn set(&self, handle: *mut CURL, option: u32) -> curl_sys::CURLcode {
        // SAFETY: the argument is of the kind that libcurl reads for this range of numbers
        // (`expect_kind`); the rest is the caller's promise.
        unsafe {
            match self {
                Argument::Long(number) | Argument::OffT(number) => {
                    curl_sys::curl_easy_setopt(handle, option, *number)
                }
                Argument::Text(text) => curl_sys::curl_easy_setopt(handle, option, text.as_ptr()),
                Argument::List(list) => curl_sys::curl_easy_setopt(handle, option, list.0),
                Argument::Blob(bytes) => {
                    let data = bytes.as_ptr().cast();
                    let blob = Blob { data, length: bytes.len(), flags: BLOB_COPY };
                    curl_sys::curl_easy_setopt(handle, option, ptr::from_ref(&blob))
                }
            }
        }
    }
}

/// Sets `option` to what changes nothing (NULL, 0, or 1 where it is a switch) on a handle made for
/// that: what libcurl says to it. Nothing is read, written or sent, whatever the option is for.
pub(super) fn try_harmless(option: &CurlOption) -> Result<(), curl::Error> {
    let easy = curl::easy::Easy::new();
    let number = harmless(option);
    // SAFETY: the handle lives as long as `easy`, which ends within this call; below 10000 a
    // `long` is read, of the kind `OffT` a `curl_off_t`, of all others one pointer, and NULL stands
    // for "none" or "the usual" in every one of them.
    check(unsafe {
        match option.kind {
            Kind::Long | Kind::Values | Kind::OffT => {
                curl_sys::curl_easy_setopt(easy.raw(), option.id, number)
            }
            _ => curl_sys::curl_easy_setopt(easy.raw(), option.id, ptr::null::<c_void>()),
        }
    })
}

/// The same for an option of multi handles.
pub(super) fn try_harmless_on_multi(option: &CurlOption) -> Result<(), curl::MultiError> {
    let multi = Multi::new();
    let (id, number) = (option.id as curl_sys::CURLMoption, harmless(option));
    // SAFETY: the handle lives as long as `multi`; the rest is as for easy handles.
    let code = unsafe {
        match option.kind {
            Kind::Long | Kind::Values | Kind::OffT => {
                curl_sys::curl_multi_setopt(multi.raw(), id, number)
            }
            _ => curl_sys::curl_multi_setopt(multi.raw(), id, ptr::null::<c_void>()),
        }
    };
    if code == curl_sys::CURLM_OK { Ok(()) } else { Err(curl::MultiError::new(code)) }
}

/// Some features are missed only when they are switched on.
fn harmless(option: &CurlOption) -> c_long {
    let known = option.knowledge();
    match known.unit {
        Some(Unit::Switch) => 1,
        _ => known.min.unwrap_or(0),
    }
}

/// Sets a string option back to unset.
pub(super) fn unset(easy: &mut impl Handle, option: CURLoption) -> Result<(), curl::Error> {
    assert!((OPTION_POINTERS..OPTION_FUNCTIONS).contains(&option), "option {option} has no NULL");
    // SAFETY: the handle lives as long as `easy`; options of this range read one pointer, and
    // NULL stands for "none" in every one of them.
    check(unsafe { curl_sys::curl_easy_setopt(easy.pointer(), option, ptr::null::<c_void>()) })
}

/// Whether a multi handle can be made: the curl crate panics where it cannot. The error is the
/// system's last.
pub(super) fn can_make_multi() -> bool {
    // SAFETY: libcurl was initialised by `version`, which is asked before; a handle that was made
    // is given back at once.
    unsafe {
        let multi = curl_sys::curl_multi_init();
        !multi.is_null() && curl_sys::curl_multi_cleanup(multi) == curl_sys::CURLM_OK
    }
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

/// Unmaps pages of a file that were never written to; they are mapped again, with the same content,
/// when they are next used.
pub(super) fn unmap_clean_file(range: Range<usize>) {
    let start = ptr::without_provenance_mut::<c_void>(range.start);
    // SAFETY: the range is a whole mapping of this process that is private, readable, not
    // writable, and equal to its file in every page (`footprint::clean_files`), so that dropping
    // its pages changes nothing that can be observed. It stays mapped. An error changes nothing.
    unsafe { libc::madvise(start, range.len(), libc::MADV_DONTNEED) };
}

fn check(code: curl_sys::CURLcode) -> Result<(), curl::Error> {
    if code == curl_sys::CURLE_OK { Ok(()) } else { Err(curl::Error::new(code)) }
}
