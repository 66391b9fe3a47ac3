"""What a user writes for the constants of curl's headers, option by option. Only names stand here:
the numbers come from the headers. Used by scripts/curlopt-table."""

import collections

# What one option takes: the names and their constants; whether they can be combined; the beginnings
# of constants that must all be among them, and those with such a beginning that are left out.
Values = collections.namedtuple("Values", "names mask prefixes without", defaults=(False, (), ()))


def lower(prefix, *constants):
    """Names that are the constants' own, as one types them: CURLPROTO_HTTPS is https."""
    return {constant.lower().replace("_", "-"): prefix + constant for constant in constants}


TLS = {
    "default": "CURL_SSLVERSION_DEFAULT",
    "TLSv1": "CURL_SSLVERSION_TLSv1",
    "TLSv1.0": "CURL_SSLVERSION_TLSv1_0",
    "TLSv1.1": "CURL_SSLVERSION_TLSv1_1",
    "TLSv1.2": "CURL_SSLVERSION_TLSv1_2",
    "TLSv1.3": "CURL_SSLVERSION_TLSv1_3",
    "SSLv2": "CURL_SSLVERSION_SSLv2",
    "SSLv3": "CURL_SSLVERSION_SSLv3",
    "max-none": "CURL_SSLVERSION_MAX_NONE",
    "max-default": "CURL_SSLVERSION_MAX_DEFAULT",
    "max-TLSv1.0": "CURL_SSLVERSION_MAX_TLSv1_0",
    "max-TLSv1.1": "CURL_SSLVERSION_MAX_TLSv1_1",
    "max-TLSv1.2": "CURL_SSLVERSION_MAX_TLSv1_2",
    "max-TLSv1.3": "CURL_SSLVERSION_MAX_TLSv1_3",
}
TLS_VERSIONS = Values(TLS, prefixes=("CURL_SSLVERSION_",), without=(
    "CURL_SSLVERSION_LAST", "CURL_SSLVERSION_MAX_LAST"))
# The last two are old names of Negotiate.
AUTH = Values(lower("CURLAUTH_", "BASIC", "DIGEST", "NEGOTIATE", "NTLM", "DIGEST_IE", "NTLM_WB",
                    "BEARER", "AWS_SIGV4", "HTTPSIG", "ONLY", "ANY", "ANYSAFE", "NONE",
                    "GSSNEGOTIATE", "GSSAPI"), mask=True, prefixes=("CURLAUTH_",))
TLS_OPTIONS = Values(lower("CURLSSLOPT_", "ALLOW_BEAST", "NO_REVOKE", "NO_PARTIALCHAIN",
                           "REVOKE_BEST_EFFORT", "NATIVE_CA", "AUTO_CLIENT_CERT", "EARLYDATA"),
                     mask=True, prefixes=("CURLSSLOPT_",))
PROTOCOLS = Values(lower("CURLPROTO_", *"""
    HTTP HTTPS FTP FTPS SCP SFTP TELNET LDAP LDAPS DICT FILE TFTP IMAP IMAPS POP3 POP3S SMTP SMTPS
    RTSP RTMP RTMPT RTMPE RTMPTE RTMPS RTMPTS GOPHER GOPHERS SMB SMBS MQTT ALL""".split()),
                   mask=True, prefixes=("CURLPROTO_",))

EASY = {
    "ALTSVC_CTRL": Values(lower("CURLALTSVC_", "READONLYFILE", "H1", "H2", "H3"), mask=True,
                          prefixes=("CURLALTSVC_",)),
    "FOLLOWLOCATION": Values(lower("CURLFOLLOW_", "ALL", "OBEYCODE", "FIRSTONLY"),
                             prefixes=("CURLFOLLOW_",)),
    "FTPSSLAUTH": Values(lower("CURLFTPAUTH_", "DEFAULT", "SSL", "TLS"),
                         prefixes=("CURLFTPAUTH_",), without=("CURLFTPAUTH_LAST",)),
    "FTP_CREATE_MISSING_DIRS": Values({"none": "CURLFTP_CREATE_DIR_NONE",
                                       "create": "CURLFTP_CREATE_DIR",
                                       "retry": "CURLFTP_CREATE_DIR_RETRY"},
                                      prefixes=("CURLFTP_CREATE_",),
                                      without=("CURLFTP_CREATE_DIR_LAST",)),
    "FTP_FILEMETHOD": Values(lower("CURLFTPMETHOD_", "DEFAULT", "MULTICWD", "NOCWD", "SINGLECWD"),
                             prefixes=("CURLFTPMETHOD_",), without=("CURLFTPMETHOD_LAST",)),
    "FTP_SSL_CCC": Values(lower("CURLFTPSSL_CCC_", "NONE", "PASSIVE", "ACTIVE"),
                          prefixes=("CURLFTPSSL_CCC_",), without=("CURLFTPSSL_CCC_LAST",)),
    "GSSAPI_DELEGATION": Values({"none": "CURLGSSAPI_DELEGATION_NONE",
                                 "policy": "CURLGSSAPI_DELEGATION_POLICY_FLAG",
                                 "always": "CURLGSSAPI_DELEGATION_FLAG"}, mask=True,
                                prefixes=("CURLGSSAPI_DELEGATION_",)),
    "HEADEROPT": Values(lower("CURLHEADER_", "UNIFIED", "SEPARATE"), mask=True,
                        prefixes=("CURLHEADER_",)),
    "HSTS_CTRL": Values(lower("CURLHSTS_", "ENABLE", "READONLYFILE"), mask=True,
                        prefixes=("CURLHSTS_",)),
    "HTTPAUTH": AUTH,
    "HTTPSIG_ALGORITHM": Values(lower("CURLHTTPSIG_", "NONE", "ED25519", "HMAC_SHA256"),
                                prefixes=("CURLHTTPSIG_",)),
    "HTTP_VERSION": Values({"1.1": "CURL_HTTP_VERSION_1_1",
                            "2": "CURL_HTTP_VERSION_2",
                            "2tls": "CURL_HTTP_VERSION_2TLS",
                            "2-prior-knowledge": "CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE",
                            "3": "CURL_HTTP_VERSION_3",
                            "3only": "CURL_HTTP_VERSION_3ONLY",
                            "1.0": "CURL_HTTP_VERSION_1_0",
                            "none": "CURL_HTTP_VERSION_NONE",
                            "2.0": "CURL_HTTP_VERSION_2_0"},
                           prefixes=("CURL_HTTP_VERSION_",),
                           without=("CURL_HTTP_VERSION_LAST",)),
    "IPRESOLVE": Values(lower("CURL_IPRESOLVE_", "WHATEVER", "V4", "V6"),
                        prefixes=("CURL_IPRESOLVE_",)),
    "MIME_OPTIONS": Values({"formescape": "CURLMIMEOPT_FORMESCAPE"}, mask=True,
                           prefixes=("CURLMIMEOPT_",)),
    "NETRC": Values(lower("CURL_NETRC_", "IGNORED", "OPTIONAL", "REQUIRED"),
                    prefixes=("CURL_NETRC_",), without=("CURL_NETRC_LAST", "CURL_NETRC_OPTION")),
    "POSTREDIR": Values({"301": "CURL_REDIR_POST_301",
                         "302": "CURL_REDIR_POST_302",
                         "303": "CURL_REDIR_POST_303",
                         "all": "CURL_REDIR_POST_ALL",
                         "none": "CURL_REDIR_GET_ALL"}, mask=True, prefixes=("CURL_REDIR_",)),
    "PROTOCOLS": PROTOCOLS,
    "PROXYAUTH": AUTH,
    "PROXYTYPE": Values({"http": "CURLPROXY_HTTP",
                         "http1.0": "CURLPROXY_HTTP_1_0",
                         "https": "CURLPROXY_HTTPS",
                         "https2": "CURLPROXY_HTTPS2",
                         "https3": "CURLPROXY_HTTPS3",
                         "socks4": "CURLPROXY_SOCKS4",
                         "socks4a": "CURLPROXY_SOCKS4A",
                         "socks5": "CURLPROXY_SOCKS5",
                         "socks5h": "CURLPROXY_SOCKS5_HOSTNAME"},
                        prefixes=("CURLPROXY_HTTP", "CURLPROXY_SOCKS")),
    "PROXY_SSLVERSION": TLS_VERSIONS,
    "PROXY_SSL_OPTIONS": TLS_OPTIONS,
    "REDIR_PROTOCOLS": PROTOCOLS,
    "RTSP_REQUEST": Values(lower("CURL_RTSPREQ_", *"""
        NONE OPTIONS DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN GET_PARAMETER SET_PARAMETER RECORD
        RECEIVE""".split()), prefixes=("CURL_RTSPREQ_",), without=("CURL_RTSPREQ_LAST",)),
    "SOCKS5_AUTH": Values({"basic": "CURLAUTH_BASIC",
                           "gssapi": "CURLAUTH_GSSAPI",
                           "none": "CURLAUTH_NONE"}, mask=True),
    "SSH_AUTH_TYPES": Values(lower("CURLSSH_AUTH_", *"""
        PUBLICKEY PASSWORD HOST KEYBOARD AGENT GSSAPI ANY DEFAULT NONE""".split()),
                             mask=True, prefixes=("CURLSSH_AUTH_",)),
    "SSLVERSION": TLS_VERSIONS,
    "SSL_OPTIONS": TLS_OPTIONS,
    "TIMECONDITION": Values(lower("CURL_TIMECOND_", "NONE", "IFMODSINCE", "IFUNMODSINCE",
                                  "LASTMOD"),
                            prefixes=("CURL_TIMECOND_",), without=("CURL_TIMECOND_LAST",)),
    "UPLOAD_FLAGS": Values(lower("CURLULFLAG_", "ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN"),
                           mask=True, prefixes=("CURLULFLAG_",)),
    "USE_SSL": Values(lower("CURLUSESSL_", "NONE", "TRY", "CONTROL", "ALL"),
                      prefixes=("CURLUSESSL_",), without=("CURLUSESSL_LAST",)),
    "WS_OPTIONS": Values({"raw-mode": "CURLWS_RAW_MODE",
                          "noautopong": "CURLWS_NOAUTOPONG"}, mask=True),
}

MULTI = {
    "NETWORK_CHANGED": Values(lower("CURLMNWC_", "CLEAR_ALL", "CLEAR_CONNS", "CLEAR_DNS"),
                              mask=True, prefixes=("CURLMNWC_",)),
    "PIPELINING": Values(lower("CURLPIPE_", "NOTHING", "HTTP1", "MULTIPLEX"), mask=True,
                         prefixes=("CURLPIPE_",)),
}

OF_HANDLE = {"easy": EASY, "multi": MULTI}
