//! How PycURL spells options and their values. It has no constants for a part of them, and takes
//! those that are numbers by number. True of PycURL 7.49.0; a test asks the one installed again.

use super::{CurlOption, Handle, Kind, Name};

/// What `setopt` of PycURL is handed for an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spelling {
    /// A constant of the module, such as `CONNECTTIMEOUT_MS`.
    Constant(String),
    /// There is none, but the number does.
    Number(u32),
    /// There is none, and the number is refused: `TypeError`.
    Refused,
}

/// Easy options without a constant. What only a program could hand over is not among them.
const WITHOUT_CONSTANT: [&str; 32] = [
    "SERVER_RESPONSE_TIMEOUT",
    "STREAM_WEIGHT",
    "TFTP_NO_OPTIONS",
    "KEEP_SENDING_ON_ERROR",
    "SUPPRESS_CONNECT_HEADERS",
    "SOCKS5_AUTH",
    "HAPPY_EYEBALLS_TIMEOUT_MS",
    "DNS_SHUFFLE_ADDRESSES",
    "DISALLOW_USERNAME_IN_URL",
    "UPKEEP_INTERVAL_MS",
    "ALTSVC_CTRL",
    "MAIL_RCPT_ALLOWFAILS",
    "DOH_SSL_VERIFYPEER",
    "DOH_SSL_VERIFYHOST",
    "DOH_SSL_VERIFYSTATUS",
    "MIME_OPTIONS",
    "CA_CACHE_TIMEOUT",
    "QUICK_EXIT",
    "SERVER_RESPONSE_TIMEOUT_MS",
    "TCP_KEEPCNT",
    "UPLOAD_FLAGS",
    "HTTPSIG_ALGORITHM",
    "DNS_INTERFACE",
    "DNS_LOCAL_IP4",
    "DNS_LOCAL_IP6",
    "ABSTRACT_UNIX_SOCKET",
    "ALTSVC",
    "SASL_AUTHZID",
    "PROTOCOLS_STR",
    "REDIR_PROTOCOLS_STR",
    "HTTPSIG_KEY",
    "HTTPSIG_KEYID",
];

/// The rest of them, and one with a constant that `setopt` refuses nevertheless.
const REFUSED: [&str; 2] = ["HTTPSIG_HEADERS", "FTP_ACCOUNT"];

/// What has `OPT_` before its name: the plain one is of `getinfo`.
const WITH_PREFIX: [&str; 8] = [
    "FILETIME",
    "CERTINFO",
    "RTSP_REQUEST",
    "RTSP_CLIENT_CSEQ",
    "RTSP_SERVER_CSEQ",
    "RTSP_SESSION_ID",
    "RTSP_STREAM_URI",
    "RTSP_TRANSPORT",
];

/// Names of the multi handle that PycURL refuses.
const REFUSED_OF_MULTI: [&str; 3] = ["NETWORK_CHANGED", "RESOLVE_THREADS_MAX", "QUICK_EXIT"];

/// How PycURL spells `option`.
#[must_use]
pub fn pycurl_option(option: &CurlOption) -> Spelling {
    match option.handle {
        Handle::Multi if REFUSED_OF_MULTI.contains(&option.name) => Spelling::Refused,
        Handle::Multi => Spelling::Constant(format!("M_{}", option.name)),
        Handle::Easy if REFUSED.contains(&option.name) => Spelling::Refused,
        Handle::Easy if WITHOUT_CONSTANT.contains(&option.name) => match option.kind {
            // Of strings and lists it keeps a list of those that it takes.
            Kind::Long | Kind::Values | Kind::OffT => Spelling::Number(option.id),
            _ => Spelling::Refused,
        },
        Handle::Easy if WITH_PREFIX.contains(&option.name) => {
            Spelling::Constant(format!("OPT_{}", option.name))
        }
        Handle::Easy => Spelling::Constant(option.name.to_owned()),
    }
}

/// How the constants of values begin in C and in PycURL; families that it lacks are not listed.
const FAMILIES: [(&str, &str); 19] = [
    ("CURL_HTTP_VERSION_", "CURL_HTTP_VERSION_"),
    ("CURLHSTS_", "CURLHSTS_"),
    ("CURLAUTH_", "HTTPAUTH_"),
    ("CURLPROXY_", "PROXYTYPE_"),
    ("CURL_IPRESOLVE_", "IPRESOLVE_"),
    ("CURL_NETRC_", "NETRC_"),
    ("CURL_REDIR_", "REDIR_"),
    ("CURL_RTSPREQ_", "RTSPREQ_"),
    ("CURL_SSLVERSION_", "SSLVERSION_"),
    ("CURLSSLOPT_", "SSLOPT_"),
    ("CURLUSESSL_", "USESSL_"),
    ("CURLSSH_AUTH_", "SSH_AUTH_"),
    ("CURLPROTO_", "PROTO_"),
    ("CURLPIPE_", "PIPE_"),
    ("CURLHEADER_", "HEADER_"),
    ("CURLGSSAPI_DELEGATION_", "GSSAPI_DELEGATION_"),
    ("CURLFTPMETHOD_", "FTPMETHOD_"),
    ("CURLFTPAUTH_", "FTPAUTH_"),
    ("CURLWS_", "WS_"),
];

/// What these families lack.
const LACKING: [&str; 11] = [
    "HTTPAUTH_AWS_SIGV4",
    "HTTPAUTH_BEARER",
    "HTTPAUTH_GSSAPI",
    "HTTPAUTH_HTTPSIG",
    "PROXYTYPE_HTTPS",
    "PROXYTYPE_HTTPS2",
    "PROXYTYPE_HTTPS3",
    "PROTO_GOPHERS",
    "PROTO_MQTT",
    "REDIR_GET_ALL",
    "SSLVERSION_MAX_NONE",
];

/// PycURL's constant for a value, where it has one.
#[must_use]
pub fn pycurl_constant(name: &Name) -> Option<String> {
    let in_family =
        |(c, python): &(&str, &str)| Some([python, name.constant.strip_prefix(c)?].concat());
    let constant = FAMILIES.iter().find_map(in_family)?;
    (!LACKING.contains(&constant.as_str())).then_some(constant)
}

#[cfg(test)]
mod tests {
    use super::super::{all, find};
    use super::*;

    fn spelled(handle: Handle, name: &str) -> Spelling {
        pycurl_option(find(handle, name).unwrap())
    }

    #[test]
    fn options_have_constants_numbers_or_neither() {
        let constant = |name: &str| Spelling::Constant(name.to_owned());
        assert_eq!(spelled(Handle::Easy, "TCP_KEEPIDLE"), constant("TCP_KEEPIDLE"));
        assert_eq!(spelled(Handle::Easy, "CERTINFO"), constant("OPT_CERTINFO"));
        assert_eq!(spelled(Handle::Easy, "DNS_SHUFFLE_ADDRESSES"), Spelling::Number(275));
        assert_eq!(spelled(Handle::Easy, "DNS_INTERFACE"), Spelling::Refused);
        assert_eq!(
            spelled(Handle::Multi, "MAX_TOTAL_CONNECTIONS"),
            constant("M_MAX_TOTAL_CONNECTIONS")
        );
        assert_eq!(spelled(Handle::Multi, "RESOLVE_THREADS_MAX"), Spelling::Refused);
    }

    #[test]
    fn every_name_of_the_lists_is_an_option() {
        for name in WITHOUT_CONSTANT.iter().chain(&REFUSED).chain(&WITH_PREFIX) {
            assert_eq!(find(Handle::Easy, name).unwrap().name, *name);
        }
        for name in REFUSED_OF_MULTI {
            assert_eq!(find(Handle::Multi, name).unwrap().name, name);
        }
    }

    #[test]
    fn values_have_constants_of_pycurls_own_families() {
        let spelled = |option: &str, human: &str| {
            let option = find(Handle::Easy, option).unwrap();
            pycurl_constant(&option.names().find(|name| name.human == human).unwrap())
        };
        assert_eq!(spelled("HTTP_VERSION", "1.1").unwrap(), "CURL_HTTP_VERSION_1_1");
        assert_eq!(spelled("PROXYTYPE", "socks5h").unwrap(), "PROXYTYPE_SOCKS5_HOSTNAME");
        assert_eq!(spelled("PROXYTYPE", "https"), None);
        assert_eq!(spelled("PROXYAUTH", "digest").unwrap(), "HTTPAUTH_DIGEST");
        assert_eq!(spelled("FOLLOWLOCATION", "all"), None);
    }

    #[test]
    fn no_family_is_listed_in_vain() {
        let constants: Vec<&str> = all(Handle::Easy)
            .chain(all(Handle::Multi))
            .flat_map(CurlOption::names)
            .map(|n| n.constant)
            .collect();
        for (c, _) in FAMILIES {
            assert!(constants.iter().any(|constant| constant.starts_with(c)), "{c}");
        }
    }
}
