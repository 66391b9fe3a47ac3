//! The sources outside the shared files: environment, web identity, container and EC2 metadata.
//! Each answers keys, nothing (with the reason, in words), or an error where it is configured and
//! does not work.

use std::net::IpAddr;
use std::time::Duration;

use chrono::DateTime;
use reqsign_aws_v4::{
    AssumeRoleWithWebIdentityCredentialProvider, Credential, ECSCredentialProvider,
    IMDSv2CredentialProvider,
};
use reqsign_core::ProvideCredential;
use reqsign_core::time::Timestamp;

use super::CredentialsError;
use super::context::{Environment, Reach, block_on};
use crate::s3::{Credentials, Secret};
use crate::transport::FetchLimits;

/// What a source has: keys, or the reason why it has none.
pub(super) enum Answer {
    Keys(Credentials),
    None(String),
}

/// The ways to ask: STS and SSO far away, the container agent and the EC2 metadata service next to
/// us.
pub(super) struct Reaches {
    pub(super) services: Reach,
    pub(super) container: Reach,
    pub(super) metadata: Reach,
}

impl Reaches {
    pub(super) fn new(environment: &Environment) -> Reaches {
        let ca_bundle = environment.get("AWS_CA_BUNDLE").map(|path| environment.expand(path));
        let reach = |connect, timeout, proxy| {
            let limits = FetchLimits {
                connect_timeout: Duration::from_secs(connect),
                timeout: Duration::from_secs(timeout),
                proxy,
                ca_bundle: ca_bundle.clone(),
            };
            Reach::new(environment, limits)
        };
        Reaches {
            services: reach(5, 30, true),
            container: reach(1, 5, false),
            // On most machines nobody answers, and everybody waits: as short as AWS's own tools.
            metadata: reach(1, 1, false),
        }
    }
}

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and
/// `AWS_CREDENTIAL_EXPIRATION`.
pub(super) fn environment(environment: &Environment) -> Result<Answer, CredentialsError> {
    let failed = |problem: String, hint: &str| {
        Err(CredentialsError::Failed {
            source_name: "the environment".into(),
            problem,
            hint: hint.into(),
        })
    };
    let (id, secret) =
        (environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY"));
    let (id, secret) = match (id, secret) {
        (Some(id), Some(secret)) => (id, secret),
        (None, None) => {
            return Ok(Answer::None("environment: AWS_ACCESS_KEY_ID is not set".into()));
        }
        (id, _) => {
            let (set, missing) = match id {
                Some(_) => ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
                None => ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
            };
            return failed(format!("{set} is set and {missing} is not"), "set both, or neither");
        }
    };
    let expires_at =
        environment.get("AWS_CREDENTIAL_EXPIRATION").map(DateTime::parse_from_rfc3339).transpose();
    let Ok(expires_at) = expires_at else {
        return failed(
            "AWS_CREDENTIAL_EXPIRATION is no time such as 2026-12-31T23:59:59Z".into(),
            "correct it or unset it",
        );
    };
    Ok(Answer::Keys(Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: Secret::new(secret),
        session_token: environment.get("AWS_SESSION_TOKEN").map(Secret::new),
        expires_at: expires_at.map(Into::into),
    }))
}

/// The region whose STS is asked, where one is known.
pub(super) fn region<'a>(
    environment: &'a Environment,
    setting: Option<&'a str>,
) -> Option<&'a str> {
    let variable = environment.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]);
    variable.map(|(_, value)| value).or(setting)
}

/// A role by the token of `AWS_WEB_IDENTITY_TOKEN_FILE`, as Kubernetes gives it.
pub(super) fn web_identity(
    environment: &Environment,
    reach: &Reach,
) -> Result<Answer, CredentialsError> {
    let Some(file) = environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") else {
        let reason = "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set";
        return Ok(Answer::None(reason.into()));
    };
    let source_name = "the web identity of the environment";
    let Some(role) = environment.get("AWS_ROLE_ARN") else {
        return Err(CredentialsError::Failed {
            source_name: source_name.into(),
            problem: "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not".into(),
            hint: "set both, or neither".into(),
        });
    };
    let session = environment.get("AWS_ROLE_SESSION_NAME");
    let provider = web_identity_provider(role, file, session, region(environment, None));
    let hint = format!("check that the token in {file} may assume {role}");
    ask(reach, &provider, source_name, &hint).map(Answer::Keys)
}

/// Asks STS for `role` by the token in `file`.
pub(super) fn web_identity_provider(
    role: &str,
    file: &str,
    session: Option<&str>,
    region: Option<&str>,
) -> AssumeRoleWithWebIdentityCredentialProvider {
    let provider =
        AssumeRoleWithWebIdentityCredentialProvider::with_config(role.into(), file.into())
            .with_role_session_name(session.unwrap_or("curlift").into());
    match region {
        Some(region) => provider.with_region(region.into()).with_regional_sts_endpoint(),
        None => provider,
    }
}

/// The agent beside a container on ECS or EKS.
pub(super) fn container(
    environment: &Environment,
    reach: &Reach,
) -> Result<Answer, CredentialsError> {
    const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let source_name = "the container agent";
    let Some((variable, uri)) = environment.first(&[RELATIVE, FULL]) else {
        return Ok(Answer::None(format!("container agent: {RELATIVE} and _FULL_URI are not set")));
    };
    let mut provider = ECSCredentialProvider::new();
    if variable == RELATIVE {
        provider = provider.with_relative_uri(uri);
    } else if !may_be_trusted(uri) {
        return Err(CredentialsError::Failed {
            source_name: source_name.into(),
            problem: format!("{FULL} is neither https nor an address next to this machine"),
            hint: "use https, 127.0.0.1, 169.254.170.2 or 169.254.170.23".into(),
        });
    }
    if let Some(file) = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        provider = provider.with_auth_token_file(file);
    }
    ask(reach, &provider, source_name, &format!("check {variable} and the role of the task"))
        .map(Answer::Keys)
}

/// Whether a token may be sent there: encrypted, or without leaving the machine (AWS SDKs and Tools
/// Reference Guide, "Container credential provider").
fn may_be_trusted(uri: &str) -> bool {
    let Ok(uri) = uri.parse::<::http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let near = host.trim_matches(['[', ']']).parse().is_ok_and(|address: IpAddr| {
        let agents = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
        address.is_loopback() || agents.iter().any(|agent| agent.parse() == Ok(address))
    });
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => near || host == "localhost",
        _ => false,
    }
}

/// The EC2 metadata service, version 2. Nobody configures it, so its silence is no error.
pub(super) fn metadata(environment: &Environment, reach: &Reach) -> Answer {
    let disabled = environment.get("AWS_EC2_METADATA_DISABLED");
    if disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Answer::None("EC2 metadata service: AWS_EC2_METADATA_DISABLED is true".into());
    }
    let provider = IMDSv2CredentialProvider::new();
    match block_on(provider.provide_credential(&reach.context)) {
        Ok(Some(credential)) => Answer::Keys(take(credential)),
        Ok(None) => Answer::None("EC2 metadata service: it has none".into()),
        Err(error) => Answer::None(format!("EC2 metadata service: {}", reach.describe(&error))),
    }
}

/// Asks a source that is configured, so that having nothing is an error too.
pub(super) fn ask(
    reach: &Reach,
    provider: &impl ProvideCredential<Credential = Credential>,
    source_name: &str,
    hint: &str,
) -> Result<Credentials, CredentialsError> {
    let failed = |problem| CredentialsError::Failed {
        source_name: source_name.to_owned(),
        problem,
        hint: hint.to_owned(),
    };
    match block_on(provider.provide_credential(&reach.context)) {
        Ok(Some(credential)) => Ok(take(credential)),
        Ok(None) => Err(failed("it gave none".into())),
        Err(error) => Err(failed(reach.describe(&error))),
    }
}

fn take(credential: Credential) -> Credentials {
    Credentials {
        access_key_id: credential.access_key_id,
        secret_access_key: Secret::new(credential.secret_access_key),
        session_token: credential.session_token.map(Secret::new),
        expires_at: credential.expires_in.map(Timestamp::as_system_time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_only_where_nobody_can_listen() {
        for near in [
            "https://anywhere.example/x",
            "http://127.0.0.1:4000/x",
            "http://127.9.9.9/x",
            "http://localhost/x",
            "http://[::1]:8080/x",
            "http://169.254.170.2/v2",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
        ] {
            assert!(may_be_trusted(near), "{near}");
        }
        for far in [
            "http://example.com/x",
            "http://169.254.169.254/x",
            "http://127.0.0.1.example.com/x",
            "http://10.0.0.1/x",
            "ftp://127.0.0.1/x",
            "/relative",
            "",
        ] {
            assert!(!may_be_trusted(far), "{far}");
        }
    }

    #[test]
    fn half_a_pair_of_keys_is_an_error() {
        let error = |pairs: &[(&str, &str)]| {
            let given: Environment = pairs.iter().copied().collect();
            match environment(&given) {
                Err(error) => error.to_string(),
                Ok(_) => panic!("no error for {given:?}"),
            }
        };
        assert_eq!(
            error(&[("AWS_ACCESS_KEY_ID", "A")]),
            "credentials from the environment: AWS_ACCESS_KEY_ID is set and \
             AWS_SECRET_ACCESS_KEY is not"
        );
        assert!(
            error(&[("AWS_SECRET_ACCESS_KEY", "SECRET")]).ends_with("AWS_ACCESS_KEY_ID is not")
        );
        let expiration = error(&[
            ("AWS_ACCESS_KEY_ID", "A"),
            ("AWS_SECRET_ACCESS_KEY", "SECRET"),
            ("AWS_CREDENTIAL_EXPIRATION", "tomorrow"),
        ]);
        assert!(expiration.contains("AWS_CREDENTIAL_EXPIRATION"), "{expiration}");
    }
}
