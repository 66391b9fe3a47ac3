//! What is written down of PycURL's names, asked of the PycURL that is installed.

use std::fmt::Write as _;

use curlift::curlopt::{CurlOption, Handle, Spelling, all, pycurl_constant, pycurl_option};

/// Reads lines from standard input; prints those that are not true.
const ASK: &str = r#"
import sys
import warnings
import pycurl

warnings.simplefilter("ignore")
VALUES = {"long": 1, "curl_off_t": 1, "string": "x", "list of strings": ["a:1:b"], "blob": b"x"}
LIKE = ("CURL_", ""), ("CURL", ""), ("CURLAUTH_", "HTTPAUTH_"), ("CURLPROXY_", "PROXYTYPE_")
LARGE = {114: 30117}  # MAXFILESIZE is MAXFILESIZE_LARGE there


def takes(handle, option, kind):
    try:
        handle.setopt(option, VALUES[kind])
    except TypeError:
        return False
    except pycurl.error:
        pass  # libcurl knows the option, and not this value
    return True


def names(constant):
    yield constant
    for c, python in LIKE:
        if constant.startswith(c):
            yield python + constant[len(c):]


def is_true(what, *rest):
    if what == "value":
        constant, number, claimed = rest
        if claimed == "-":
            return not any(hasattr(pycurl, name) for name in names(constant))
        return getattr(pycurl, claimed, None) == int(number)
    handle, name, number, kind, claim, constant = rest
    handle = pycurl.Curl() if handle == "easy" else pycurl.CurlMulti()
    prefix = "M_" if isinstance(handle, pycurl.CurlMulti) else ""
    has = hasattr(pycurl, prefix + name) or hasattr(pycurl, "OPT_" + name)
    if claim == "constant":
        number = LARGE.get(int(number), int(number))
        return getattr(pycurl, constant, None) == number and takes(handle, number, kind)
    if claim == "number":
        return not has and takes(handle, int(number), kind)
    return not takes(handle, int(number), kind)


print(pycurl.version)
for line in sys.stdin:
    if not is_true(*line.rstrip("\n").split("\t")):
        print(line, end="")
"#;

/// Whether anybody can write it at all.
fn can_be_set(option: &CurlOption) -> bool {
    option.kind.can_be_written() && option.knowledge().reserved.is_none()
}

#[test]
fn the_installed_pycurl_has_the_names_that_are_written_down() {
    let mut lines = String::new();
    let options = all(Handle::Easy).chain(all(Handle::Multi));
    for option in options.filter(|option| can_be_set(option)) {
        let (claim, constant) = match pycurl_option(option) {
            Spelling::Constant(name) => ("constant", name),
            Spelling::Number(_) => ("number", "-".to_owned()),
            Spelling::Refused => ("refused", "-".to_owned()),
        };
        let handle = if option.handle == Handle::Easy { "easy" } else { "multi" };
        let (name, id, kind) = (option.name, option.id, option.kind.c_type());
        writeln!(lines, "option\t{handle}\t{name}\t{id}\t{kind}\t{claim}\t{constant}")
            .expect("a string takes everything");
        for value in option.names() {
            let claimed = pycurl_constant(&value).unwrap_or_else(|| "-".to_owned());
            writeln!(lines, "value\t{}\t{}\t{claimed}", value.constant, value.number)
                .expect("a string takes everything");
        }
    }
    assert!(lines.lines().count() > 300, "{}", lines.lines().count());
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("claims");
    std::fs::write(&file, &lines).expect("it can be written");
    // There, since libcurl writes the files that some options name.
    let ran = std::process::Command::new(super::python())
        .current_dir(folder.path())
        .args(["-c", ASK])
        .stdin(std::fs::File::open(&file).expect("it was written"))
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let (version, wrong) = said.split_once('\n').expect("it says its version");
    assert_eq!(wrong, "", "not so in {version}");
}
