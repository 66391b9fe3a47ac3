//! What the settings of one profile lead to: a role to assume, SSO, keys, or a command. Roles by
//! `source_profile` are ours to follow, for reqsign passes over them in silence; STS itself is
//! asked by reqsign.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Assume role credential provider" and "IAM Identity
//! Center credential provider".

use reqsign_aws_v4::{
    AssumeRoleCredentialProvider, Credential, RequestSigner, SSOCredentialProvider,
    StaticCredentialProvider,
};
use reqsign_core::Signer;

use super::context::Environment;
use super::profiles::{Profile, Profiles, SectionKind};
use super::sources::{self, Answer, Reaches};
use super::{CredentialsError, process};
use crate::s3::{Credentials, Secret};

/// All that is needed to follow a profile.
pub(super) struct Search<'a> {
    pub(super) environment: &'a Environment,
    pub(super) profiles: &'a Profiles,
    pub(super) reaches: &'a Reaches,
}

impl Search<'_> {
    /// The role or SSO session of a profile; `None` where it names neither.
    pub(super) fn delegated(
        &self,
        name: &str,
        profile: &Profile,
    ) -> Result<Option<Credentials>, CredentialsError> {
        self.delegated_on(&mut Vec::new(), name, profile)
    }

    /// `path` holds the profiles that were followed to come here.
    fn delegated_on(
        &self,
        path: &mut Vec<String>,
        name: &str,
        profile: &Profile,
    ) -> Result<Option<Credentials>, CredentialsError> {
        if let Some(role) = profile.get("role_arn") {
            return self.role(path, name, profile, role).map(Some);
        }
        if let Some(token) = profile.setting("web_identity_token_file") {
            return Err(token.broken(format!("profile {name:?} has no role_arn beside it")));
        }
        if profile.get("login_session").is_some() {
            let problem = "the sessions of `aws login` are not read here".into();
            return Err(failed(format!("profile {name:?}"), problem, export_hint(name)));
        }
        if profile.get("sso_session").or(profile.get("sso_start_url")).is_some() {
            return self.sso(name, profile).map(Some);
        }
        Ok(None)
    }

    fn role(
        &self,
        path: &mut Vec<String>,
        name: &str,
        profile: &Profile,
        role: &str,
    ) -> Result<Credentials, CredentialsError> {
        let source_name = format!("role {role} of profile {name:?}");
        let region = sources::region(self.environment, profile.get("region"));
        let session = profile.get("role_session_name");
        if let Some(file) = profile.get("web_identity_token_file") {
            let file = self.environment.expand(file).to_string_lossy().into_owned();
            let provider = sources::web_identity_provider(role, &file, session, region);
            let hint = format!("check that the token in {file} may assume the role");
            return sources::ask(&self.reaches.services, &provider, &source_name, &hint);
        }
        if let Some(mfa) = profile.setting("mfa_serial") {
            return Err(failed(
                source_name,
                format!(
                    "mfa_serial ({}, line {}) asks for a code, which cannot be typed here",
                    mfa.file.display(),
                    mfa.line
                ),
                export_hint(name),
            ));
        }
        let keys = self.role_source(path, name, profile)?;
        let provider = self.role_provider(role, &keys, profile, region, session)?;
        let hint = format!(
            "check that the source of profile {name:?} may call sts:AssumeRole on it, or {}",
            export_hint(name)
        );
        sources::ask(&self.reaches.services, &provider, &source_name, &hint)
    }

    /// The keys that ask for the role.
    fn role_source(
        &self,
        path: &mut Vec<String>,
        name: &str,
        profile: &Profile,
    ) -> Result<Credentials, CredentialsError> {
        let role = profile.setting("role_arn").expect("only a profile with a role comes here");
        match (profile.setting("source_profile"), profile.setting("credential_source")) {
            (Some(source), None) if source.value == name => keys(name, profile)?
                .ok_or_else(|| source.broken(format!("profile {name:?} has no keys of its own"))),
            (Some(source), None) => {
                path.push(name.to_owned());
                if path.contains(&source.value) {
                    let circle = path.join(" → ");
                    return Err(source.broken(format!(
                        "the source profiles form a circle: {circle} → {}",
                        source.value
                    )));
                }
                let next = self.profiles.profile(&source.value).ok_or_else(|| {
                    let missing = self.profiles.missing(&source.value, "source_profile");
                    source.broken(format!("{missing}; {}", missing.hint()))
                })?;
                match self.delegated_on(path, &source.value, next)? {
                    Some(keys) => Ok(keys),
                    None => keys(&source.value, next)?.ok_or_else(|| {
                        source.broken(format!("profile {:?} has no credentials", source.value))
                    }),
                }
            }
            (None, Some(source)) => {
                let answer = match source.value.to_lowercase().as_str() {
                    "environment" => sources::environment(self.environment)?,
                    "ecscontainer" => {
                        sources::container(self.environment, &self.reaches.container)?
                    }
                    "ec2instancemetadata" => {
                        sources::metadata(self.environment, &self.reaches.metadata)
                    }
                    _ => {
                        return Err(source.broken(
                            "credential_source is Environment, EcsContainer or Ec2InstanceMetadata",
                        ));
                    }
                };
                match answer {
                    Answer::Keys(keys) => Ok(keys),
                    Answer::None(reason) => {
                        Err(source.broken(format!("the source of the role has no keys; {reason}")))
                    }
                }
            }
            (Some(_), Some(second)) => Err(second.broken(format!(
                "profile {name:?} has both source_profile and credential_source; keep one"
            ))),
            (None, None) => Err(role.broken(format!(
                "profile {name:?} has a role_arn and neither source_profile nor credential_source"
            ))),
        }
    }

    fn role_provider(
        &self,
        role: &str,
        keys: &Credentials,
        profile: &Profile,
        region: Option<&str>,
        session: Option<&str>,
    ) -> Result<AssumeRoleCredentialProvider, CredentialsError> {
        let secret = keys.secret_access_key.expose();
        let mut source = StaticCredentialProvider::new(&keys.access_key_id, secret);
        if let Some(token) = &keys.session_token {
            source = source.with_session_token(token.expose());
        }
        let context = self.reaches.services.context.clone();
        let signer: Signer<Credential> =
            // Without a region the global endpoint is asked, which is signed for us-east-1.
            Signer::new(context, source, RequestSigner::new("sts", region.unwrap_or("us-east-1")));
        let mut provider = AssumeRoleCredentialProvider::new(role.into(), signer)
            .with_role_session_name(session.unwrap_or("curlift").into());
        if let Some(region) = region {
            provider = provider.with_region(region.into()).with_regional_sts_endpoint();
        }
        if let Some(id) = profile.get("external_id") {
            provider = provider.with_external_id(id.into());
        }
        if let Some(duration) = profile.setting("duration_seconds") {
            let seconds = duration
                .value
                .parse()
                .map_err(|_| duration.broken("duration_seconds is a number from 900 to 43200"))?;
            provider = provider.with_duration_seconds(seconds);
        }
        Ok(provider)
    }

    /// SSO by the token that `aws sso login` left. reqsign knows the settings only where all of
    /// them stand in the profile; with an `sso-session` the token's file is named after the session
    /// in place of the start URL, and that name is all the URL is used for.
    fn sso(&self, name: &str, profile: &Profile) -> Result<Credentials, CredentialsError> {
        let source_name = format!("SSO of profile {name:?}");
        let hint = format!("type: aws sso login --profile {name}");
        let session = profile
            .setting("sso_session")
            .map(|session| {
                self.profiles.section(SectionKind::SsoSession, &session.value).ok_or_else(|| {
                    session.broken(format!("there is no [sso-session {}]", session.value))
                })
            })
            .transpose()?;
        let needed = |setting: &str| {
            let value = session.and_then(|session| session.get(setting)).or(profile.get(setting));
            value.ok_or_else(|| {
                let problem = format!("{setting} is not set");
                failed(
                    source_name.clone(),
                    problem,
                    format!("type: aws configure sso --profile {name}"),
                )
            })
        };
        let token_name = match profile.get("sso_session") {
            Some(session) => session,
            None => needed("sso_start_url")?,
        };
        let provider = SSOCredentialProvider::new()
            .with_account_id(needed("sso_account_id")?)
            .with_role_name(needed("sso_role_name")?)
            .with_region(needed("sso_region")?)
            .with_start_url(token_name);
        sources::ask(&self.reaches.services, &provider, &source_name, &hint)
    }
}

/// Whether a service is asked for the keys of a profile.
pub(super) fn is_delegated(profile: &Profile) -> bool {
    ["role_arn", "web_identity_token_file", "login_session", "sso_session", "sso_start_url"]
        .iter()
        .any(|name| profile.get(name).is_some())
}

/// The keys or the command of a profile; `None` where it names neither.
pub(super) fn keys(name: &str, profile: &Profile) -> Result<Option<Credentials>, CredentialsError> {
    let id = profile.setting("aws_access_key_id");
    let secret = profile.setting("aws_secret_access_key");
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Some(Credentials {
            access_key_id: id.value.clone(),
            secret_access_key: Secret::new(&secret.value),
            session_token: profile.get("aws_session_token").map(Secret::new),
            expires_at: None,
        })),
        (Some(half), None) => {
            Err(half.broken(format!("profile {name:?} has no aws_secret_access_key beside it")))
        }
        (None, Some(half)) => {
            Err(half.broken(format!("profile {name:?} has no aws_access_key_id beside it")))
        }
        (None, None) => command(name, profile),
    }
}

/// The keys of `credential_process`; `None` where the profile has none.
fn command(name: &str, profile: &Profile) -> Result<Option<Credentials>, CredentialsError> {
    let Some(command) = profile.setting("credential_process") else { return Ok(None) };
    process::run(&command.value, process::TIME_MAX).map(Some).map_err(|problem| {
        let place = format!("line {} of {}", command.line, command.file.display());
        failed(
            format!("credential_process of profile {name:?}"),
            problem,
            format!("run the command by hand, it stands in {place}"),
        )
    })
}

fn failed(source_name: String, problem: String, hint: String) -> CredentialsError {
    CredentialsError::Failed { source_name, problem, hint }
}

/// The AWS command line can do what we cannot, and hand the result over.
fn export_hint(profile: &str) -> String {
    format!(
        "let the AWS command line do it: \
         eval \"$(aws configure export-credentials --profile {profile} --format env)\""
    )
}
