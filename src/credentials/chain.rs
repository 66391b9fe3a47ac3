//! The order in which the sources are asked, which is botocore's. The first that is configured
//! counts: where it does not work the search ends with its error, for the keys of another source
//! would be those of somebody else.

use super::CredentialsError;
use super::context::Environment;
use super::profiles::Profiles;
use super::role::{self, Search};
use super::sources::{self, Answer, Reaches};
use crate::s3::Credentials;

/// Where to look for credentials.
#[derive(Debug, Clone)]
pub struct Chain {
    environment: Environment,
    profile: Option<String>,
}

/// Credentials, and where they were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The credentials.
    pub credentials: Credentials,
    /// The source, in words, such as `profile "ci"`.
    pub source: String,
    /// Whether it will have others when these end.
    pub renews: Renews,
}

/// Whether a source will have other credentials when those it gave have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renews {
    /// A service that makes new ones whenever it is asked.
    Always,
    /// A file or a command, whose owner may have put others there by then.
    Perhaps,
    /// The environment of a process, which nobody changes from outside.
    Never,
}

impl Chain {
    /// Looks in `environment` and in the files and services it leads to. `profile` is what
    /// `--profile` names: it goes before keys in the environment, unlike `AWS_PROFILE`.
    #[must_use]
    pub fn new(environment: Environment, profile: Option<String>) -> Chain {
        Chain { environment, profile }
    }

    /// The credentials of the first source that has any. Reads files and may run a command or ask
    /// services, so it blocks: about a second where nothing is configured and nobody answers for
    /// the EC2 metadata service, 60 seconds for a command that hangs.
    ///
    /// # Errors
    /// Where no source has any, or one that is configured does not work.
    pub fn load(&self) -> Result<Credentials, CredentialsError> {
        self.find().map(|found| found.credentials)
    }

    /// As [`load`](Chain::load), and says where they come from.
    ///
    /// # Errors
    /// As [`load`](Chain::load).
    pub fn find(&self) -> Result<Found, CredentialsError> {
        self.find_by(&Reaches::new(&self.environment))
    }

    fn find_by(&self, reaches: &Reaches) -> Result<Found, CredentialsError> {
        let environment = &self.environment;
        let mut looked = Looked::default();
        if self.profile.is_none()
            && let Some(found) = looked.at(ENVIRONMENT, sources::environment(environment)?)
        {
            return Ok(Found { renews: Renews::Never, ..found });
        }
        let profiles = Profiles::load(environment)?;
        let (name, asked_by) = self.profile_name();
        let profile = profiles.profile(name);
        if let (None, Some(asked_by)) = (profile, asked_by) {
            return Err(profiles.missing(name, asked_by));
        }
        let search = Search { environment, profiles: &profiles, reaches };
        if let Some(profile) = profile
            && let Some(credentials) = search.delegated(name, profile)?
        {
            return Ok(of_profile(name, credentials, Renews::Always));
        }
        if self.profile.is_none() {
            let answer = sources::web_identity(environment, &reaches.services)?;
            if let Some(found) = looked.at("web identity", answer) {
                return Ok(found);
            }
        }
        if let Some(profile) = profile
            && let Some(credentials) = role::keys(name, profile)?
        {
            return Ok(of_profile(name, credentials, Renews::Perhaps));
        }
        looked.files(&profiles, name);
        let container = sources::container(environment, &reaches.container)?;
        if let Some(found) = looked.at("container agent", container) {
            return Ok(found);
        }
        let metadata = sources::metadata(environment, &reaches.metadata);
        if let Some(found) = looked.at("EC2 metadata service", metadata) {
            return Ok(found);
        }
        Err(CredentialsError::NotFound { looked: looked.0 })
    }

    /// The credentials that [`find`](Chain::find) would find, where it need not ask a service for
    /// them: those of the environment, a file or a command. `None` where it would, or finds none.
    ///
    /// # Errors
    /// Where a source that is configured does not work.
    pub fn find_at_hand(&self) -> Result<Option<Found>, CredentialsError> {
        let environment = &self.environment;
        let mut looked = Looked::default();
        if self.profile.is_none()
            && let Some(found) = looked.at(ENVIRONMENT, sources::environment(environment)?)
        {
            return Ok(Some(Found { renews: Renews::Never, ..found }));
        }
        let profiles = Profiles::load(environment)?;
        let (name, _) = self.profile_name();
        let has_token = environment.get("AWS_WEB_IDENTITY_TOKEN_FILE").is_some();
        match profiles.profile(name) {
            Some(profile) if !role::is_delegated(profile) => {
                if self.profile.is_none() && has_token {
                    return Ok(None);
                }
                let keys = role::keys(name, profile)?;
                Ok(keys.map(|keys| of_profile(name, keys, Renews::Perhaps)))
            }
            _ => Ok(None),
        }
    }

    /// The profile to read, and who asks for it; nobody asks for the default one.
    fn profile_name(&self) -> (&str, Option<&'static str>) {
        if let Some(profile) = &self.profile {
            return (profile, Some("--profile"));
        }
        match self.environment.first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]) {
            Some((variable, name)) => (name, Some(variable)),
            None => ("default", None),
        }
    }
}

/// What the environment is called among the sources.
const ENVIRONMENT: &str = "environment";

fn of_profile(name: &str, credentials: Credentials, renews: Renews) -> Found {
    Found { credentials, source: format!("profile {name:?}"), renews }
}

/// The sources that had nothing, and why.
#[derive(Default)]
struct Looked(Vec<String>);

impl Looked {
    fn at(&mut self, source: &str, answer: Answer) -> Option<Found> {
        match answer {
            Answer::Keys(credentials) => {
                Some(Found { credentials, source: source.to_owned(), renews: Renews::Always })
            }
            Answer::None(reason) => {
                self.0.push(reason);
                None
            }
        }
    }

    fn files(&mut self, profiles: &Profiles, name: &str) {
        for (file, exists) in &profiles.files {
            let what = match (exists, profiles.profile(name)) {
                (false, _) => "no such file".to_owned(),
                (true, None) => format!("no profile {name:?}"),
                (true, Some(_)) => format!("profile {name:?} names no keys, role or command"),
            };
            self.0.push(format!("{}: {what}", file.display()));
        }
        if profiles.files.is_empty() {
            self.0.push("shared files: HOME is not set".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};
    use std::thread;
    use std::time::{Duration, Instant};

    use bytes::Bytes;
    use reqsign_core::HttpSend;

    use super::*;
    use crate::credentials::context::Reach;

    /// A home directory with shared files, and the environment that leads there.
    struct Home {
        folder: tempfile::TempDir,
        variables: Vec<(String, String)>,
    }

    impl Home {
        fn new(config: &str, credentials: &str) -> Home {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join(".aws")).unwrap();
            fs::write(folder.path().join(".aws/config"), config).unwrap();
            fs::write(folder.path().join(".aws/credentials"), credentials).unwrap();
            let home = folder.path().to_str().unwrap().to_owned();
            // No test may ask the metadata service of the machine it runs on.
            let variables =
                [("HOME", home.as_str()), ("AWS_EC2_METADATA_DISABLED", "true")].map(owned).into();
            Home { folder, variables }
        }

        fn set(mut self, name: &str, value: &str) -> Home {
            self.variables.retain(|(known, _)| known != name);
            self.variables.push(owned((name, value)));
            self
        }

        fn write(&self, name: &str, content: &str) -> String {
            let path = self.folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        }

        fn chain(&self, profile: Option<&str>) -> Chain {
            Chain::new(self.variables.iter().cloned().collect(), profile.map(str::to_owned))
        }

        fn id(&self, profile: Option<&str>) -> String {
            self.chain(profile).load().unwrap().access_key_id
        }

        fn error(&self, profile: Option<&str>) -> CredentialsError {
            let error = self.chain(profile).load().unwrap_err();
            assert_tells_no_secret(&error);
            error
        }
    }

    /// Every secret in these tests holds this word, as does the name of one variable.
    fn assert_tells_no_secret(error: &CredentialsError) {
        let told = format!("{error} {error:?} {}", error.hint());
        assert!(!told.replace("AWS_SECRET_ACCESS_KEY", "").contains("SECRET"), "{told}");
    }

    fn owned((name, value): (&str, &str)) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    const KEYS: &str = "[default]\naws_access_key_id=AKIDDEFAULT\naws_secret_access_key=SECRET\n\
                        [ci]\naws_access_key_id=AKIDCI\naws_secret_access_key=SECRET\n\
                        aws_session_token=TOKEN\n";

    /// Answers one request after the other, each on a connection of its own, with what `answer`
    /// gives for its head; gives back the address and all heads.
    fn service(answer: fn(&str) -> (u16, String)) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    if reader.read_line(&mut head).unwrap() == 0 {
                        break;
                    }
                }
                let (status, body) = answer(&head);
                seen.lock().unwrap().push(head);
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
            }
        });
        (address, heads)
    }

    const CONTAINER_KEYS: &str = r#"{"AccessKeyId":"AKIDCONTAINER","SecretAccessKey":"SECRET",
        "Token":"TOKEN","Expiration":"2099-01-01T00:00:00Z"}"#;

    /// STS that gives `ASIA<session name>` or refuses, and remembers who asked.
    #[derive(Debug, Clone, Default)]
    struct Sts {
        refuses: bool,
        asked: Arc<Mutex<Vec<String>>>,
    }

    impl HttpSend for Sts {
        async fn http_send(
            &self,
            request: ::http::Request<Bytes>,
        ) -> reqsign_core::Result<::http::Response<Bytes>> {
            let header = |name: &str| {
                request.headers().get(name).map_or("", |value| value.to_str().unwrap())
            };
            let body = String::from_utf8_lossy(request.body());
            self.asked.lock().unwrap().push(format!(
                "{} {body} {} {}",
                request.uri(),
                header("authorization"),
                header("x-amz-security-token")
            ));
            if self.refuses {
                let body = "<ErrorResponse><Error><Code>AccessDenied</Code>\
                            <Message>User: arn:x is not authorized</Message></Error></ErrorResponse>";
                let response = ::http::Response::builder().status(403);
                return Ok(response.body(Bytes::from_static(body.as_bytes())).unwrap());
            }
            let action = if body.contains("WebIdentity") {
                "AssumeRoleWithWebIdentity"
            } else {
                "AssumeRole"
            };
            let question = format!("{}&{body}", request.uri().query().unwrap_or_default());
            let name = question.split('&').find_map(|pair| pair.strip_prefix("RoleSessionName="));
            Ok(::http::Response::new(Bytes::from(format!(
                "<{action}Response><{action}Result><Credentials>\
                 <AccessKeyId>ASIA0123456789{}</AccessKeyId>\
                 <SecretAccessKey>SECRET</SecretAccessKey><SessionToken>TOKEN</SessionToken>\
                 <Expiration>2099-01-01T00:00:00Z</Expiration>\
                 </Credentials></{action}Result></{action}Response>",
                name.unwrap()
            ))))
        }
    }

    impl Sts {
        fn find(&self, home: &Home, profile: Option<&str>) -> Result<Found, CredentialsError> {
            let chain = home.chain(profile);
            let Reaches { services, container, metadata } = Reaches::new(&chain.environment);
            let services: Reach = services.with_http_send(self.clone());
            chain.find_by(&Reaches { services, container, metadata })
        }

        fn error(&self, home: &Home, profile: &str) -> CredentialsError {
            let error = self.find(home, Some(profile)).unwrap_err();
            assert_tells_no_secret(&error);
            error
        }
    }

    #[test]
    fn the_environment_goes_before_profiles_and_a_chosen_profile_before_both() {
        let home = Home::new("", KEYS);
        assert_eq!(home.id(None), "AKIDDEFAULT");
        let home = home.set("AWS_PROFILE", "ci");
        assert_eq!(home.id(None), "AKIDCI");
        let home = home.set("AWS_ACCESS_KEY_ID", "AKIDENV").set("AWS_SECRET_ACCESS_KEY", "SECRET");
        let found = home.chain(None).find().unwrap();
        assert_eq!(found.credentials.access_key_id, "AKIDENV");
        assert_eq!(found.source, "environment");
        assert!(!format!("{found:?}").contains("SECRET"));
        let found = home.chain(Some("ci")).find().unwrap();
        assert_eq!(found.credentials.access_key_id, "AKIDCI");
        assert_eq!(found.credentials.session_token.unwrap().expose(), "TOKEN");
        assert_eq!(found.source, "profile \"ci\"");
    }

    #[test]
    fn what_renews_itself_is_not_at_hand_and_the_rest_is() {
        let config = "[profile command]\ncredential_process = printf %s \
                      '{\"Version\":1,\"AccessKeyId\":\"AKIDP\",\"SecretAccessKey\":\"SECRET\"}'\n\
                      [profile role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = ci\n";
        let home = Home::new(config, KEYS);
        let at_hand = |home: &Home, profile| home.chain(profile).find_at_hand().unwrap();
        let renews = |home: &Home, profile| at_hand(home, profile).map(|found| found.renews);
        assert_eq!(renews(&home, None), Some(Renews::Perhaps));
        assert_eq!(renews(&home, Some("command")), Some(Renews::Perhaps));
        assert_eq!(renews(&home, Some("role")), None);
        assert_eq!(renews(&home, Some("nobody")), None);
        assert_eq!(home.chain(None).find().unwrap().renews, Renews::Perhaps);
        let home = home.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/t");
        assert_eq!(renews(&home, None), None, "a service would be asked first");
        let home = home.set("AWS_ACCESS_KEY_ID", "AKIDENV").set("AWS_SECRET_ACCESS_KEY", "SECRET");
        assert_eq!(renews(&home, None), Some(Renews::Never));
        assert_eq!(at_hand(&home, None), Some(home.chain(None).find().unwrap()));
        assert_eq!(renews(&home, Some("ci")), Some(Renews::Perhaps));
    }

    #[test]
    fn files_elsewhere_and_the_older_variable_are_followed() {
        let home = Home::new("", "");
        let config = home.write("c", "[profile x]\ncredential_process = echo '{}'\n");
        let keys = home.write("k", "[x]\naws_access_key_id=AKIDX\naws_secret_access_key=SECRET\n");
        let home = home
            .set("AWS_CONFIG_FILE", &config)
            .set("AWS_SHARED_CREDENTIALS_FILE", &keys)
            .set("AWS_DEFAULT_PROFILE", "x");
        assert_eq!(home.id(None), "AKIDX");
        let home = home.set("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        let error = home.error(None);
        assert!(error.to_string().contains("credential_process of profile \"x\": echo printed"));
        assert!(error.hint().contains(&format!("line 2 of {config}")), "{}", error.hint());
    }

    #[test]
    fn a_command_with_quotes_gives_keys() {
        let keys = r#"{"Version":1,"AccessKeyId":"AKID P","SecretAccessKey":"SECRET"}"#;
        let home = Home::new(&format!("[default]\ncredential_process = printf %s '{keys}'\n"), "");
        assert_eq!(home.id(None), "AKID P");
    }

    #[test]
    fn a_profile_that_does_not_exist_is_an_error_with_its_neighbours() {
        let home = Home::new("[profile production]\n", KEYS);
        let error = home.error(Some("prodction"));
        assert!(error.to_string().starts_with("there is no profile \"prodction\" in /"), "{error}");
        assert!(error.to_string().ends_with("(--profile asks for it)"), "{error}");
        assert_eq!(error.hint(), "perhaps --profile production");
        let error = home.set("AWS_PROFILE", "zz").error(None);
        assert!(error.to_string().ends_with("(AWS_PROFILE asks for it)"), "{error}");
    }

    #[test]
    fn broken_and_unreadable_files_are_named() {
        let home = Home::new("[default]\nregion eu\n", "");
        let config = home.folder.path().join(".aws/config");
        let expected = format!("{}, line 2: a setting is name = value", config.display());
        assert_eq!(home.error(None).to_string(), expected);
        let home = home.set("AWS_CONFIG_FILE", "~/.aws");
        assert!(home.error(None).to_string().ends_with("cannot be read: it is a directory"));
        let home = Home::new("", "[default]\n\naws_access_key_id = A\n");
        let error = home.error(None).to_string();
        assert!(
            error.ends_with("line 3: profile \"default\" has no aws_secret_access_key beside it")
        );
    }

    #[test]
    fn nothing_anywhere_lists_every_place() {
        let home = Home::new("[default]\nregion=eu-west-1\n", "");
        fs::remove_file(home.folder.path().join(".aws/credentials")).unwrap();
        let folder = home.folder.path().display().to_string();
        let error = home.error(None);
        assert_eq!(
            error.to_string().replace(&folder, "~"),
            "no credentials found; looked in\n  \
             environment: AWS_ACCESS_KEY_ID is not set\n  \
             web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set\n  \
             ~/.aws/config: profile \"default\" names no keys, role or command\n  \
             ~/.aws/credentials: no such file\n  \
             container agent: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set\n  \
             EC2 metadata service: AWS_EC2_METADATA_DISABLED is true"
        );
        assert!(error.hint().contains("aws configure"));
    }

    #[test]
    fn a_role_is_assumed_over_two_source_profiles() {
        let home = Home::new(
            "[profile first]\nrole_arn=arn:aws:iam::111122223333:role/first\nsource_profile=ci\n\
             role_session_name=hop1\nexternal_id=xyz\nregion=eu-west-1\n\
             [profile second]\nrole_arn=arn:aws:iam::111122223333:role/second\n\
             source_profile=first\nrole_session_name=hop2\nduration_seconds=900\n",
            KEYS,
        );
        let sts = Sts::default();
        let found = sts.find(&home, Some("second")).unwrap();
        assert_eq!(found.credentials.access_key_id, "ASIA0123456789hop2");
        assert_eq!(found.credentials.session_token.unwrap().expose(), "TOKEN");
        assert!(found.credentials.expires_at.is_some());
        assert_eq!(found.source, "profile \"second\"");
        let asked = sts.asked.lock().unwrap();
        assert_eq!(asked.len(), 2);
        for expected in [
            "https://sts.eu-west-1.amazonaws.com/?Action=AssumeRole&",
            "role%2Ffirst",
            "ExternalId=xyz",
            "Credential=AKIDCI/",
            "/eu-west-1/sts/aws4_request",
        ] {
            assert!(asked[0].contains(expected), "{expected}: {}", asked[0]);
        }
        assert!(asked[0].ends_with(" TOKEN"), "the source's session token goes along");
        for expected in [
            "https://sts.amazonaws.com/?Action=AssumeRole&",
            "role%2Fsecond",
            "DurationSeconds=900",
            "Credential=ASIA0123456789hop1/",
            "/us-east-1/sts/aws4_request",
        ] {
            assert!(asked[1].contains(expected), "{expected}: {}", asked[1]);
        }
    }

    #[test]
    fn a_role_may_start_from_its_own_keys_the_environment_or_a_container() {
        let role = "role_arn=arn:aws:iam::111122223333:role/r\n";
        let (agent, _) = service(|_| (200, CONTAINER_KEYS.to_owned()));
        let home = Home::new(
            &format!(
                "[profile own]\n{role}source_profile=own\naws_access_key_id=AKIDOWN\n\
                 aws_secret_access_key=SECRET\n\
                 [profile env]\n{role}credential_source=Environment\n\
                 [profile ecs]\n{role}credential_source=EcsContainer\n"
            ),
            "",
        )
        .set("AWS_ACCESS_KEY_ID", "AKIDENV")
        .set("AWS_SECRET_ACCESS_KEY", "SECRET")
        .set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{agent}/x"));
        for (profile, id) in [("own", "AKIDOWN"), ("env", "AKIDENV"), ("ecs", "AKIDCONTAINER")] {
            let sts = Sts::default();
            let found = sts.find(&home, Some(profile)).unwrap();
            assert_eq!(found.credentials.access_key_id, "ASIA0123456789curlift");
            let asked = sts.asked.lock().unwrap();
            assert!(asked[0].contains(&format!("Credential={id}/")), "{}", asked[0]);
        }
    }

    #[test]
    fn a_role_that_cannot_be_assumed_is_never_passed_over() {
        let role = "role_arn=arn:aws:iam::111122223333:role/r\n";
        let home = Home::new(
            &format!(
                "[profile alone]\n{role}\
                 [profile a]\n{role}source_profile=b\n[profile b]\n{role}source_profile=a\n\
                 [profile lost]\n{role}source_profile=c1\n\
                 [profile mfa]\n{role}source_profile=ci\nmfa_serial=arn:aws:iam::1:mfa/me\n\
                 [profile odd]\n{role}credential_source=Moon\n\
                 [profile both]\n{role}credential_source=Environment\nsource_profile=ci\n\
                 [profile empty]\nregion=x\n[profile hollow]\n{role}source_profile=empty\n\
                 [profile long]\n{role}source_profile=ci\nduration_seconds=1h\n\
                 [profile token]\nweb_identity_token_file=/x\n\
                 [profile login]\nlogin_session=arn:x\n\
                 [profile good]\n{role}source_profile=ci\n"
            ),
            KEYS,
        );
        let sts = Sts::default();
        for (profile, expected) in [
            ("alone", "has a role_arn and neither source_profile nor credential_source"),
            ("a", "line 8: the source profiles form a circle: a → b → a"),
            ("lost", "there is no profile \"c1\""),
            ("mfa", "asks for a code, which cannot be typed here"),
            ("odd", "credential_source is Environment, EcsContainer or Ec2InstanceMetadata"),
            ("both", "has both source_profile and credential_source; keep one"),
            ("hollow", "profile \"empty\" has no credentials"),
            ("long", "duration_seconds is a number from 900 to 43200"),
            ("token", "has no role_arn beside it"),
            ("login", "the sessions of `aws login` are not read here"),
        ] {
            let error = sts.error(&home, profile).to_string();
            assert!(error.contains(expected), "{profile}: {error}");
        }
        assert!(sts.asked.lock().unwrap().is_empty());
        assert!(sts.error(&home, "mfa").hint().contains("export-credentials --profile mfa"));
        let refusing = Sts { refuses: true, ..Sts::default() };
        let error = refusing.error(&home, "good");
        assert_eq!(
            error.to_string(),
            "credentials from role arn:aws:iam::111122223333:role/r of profile \"good\": \
             AccessDenied: User: arn:x is not authorized"
        );
        assert!(error.hint().contains("sts:AssumeRole"));
    }

    #[test]
    fn web_identity_comes_from_the_environment_or_a_profile() {
        let home = Home::new(
            "[profile web]\nrole_arn=arn:aws:iam::1:role/p\nweb_identity_token_file=~/t\n",
            KEYS,
        );
        let token = home.write("t", "JWT\n");
        let sts = Sts::default();
        assert_eq!(
            sts.find(&home, Some("web")).unwrap().credentials.access_key_id,
            "ASIA0123456789curlift"
        );
        // As a variable it goes before the keys of the default profile.
        let home = home
            .set("AWS_WEB_IDENTITY_TOKEN_FILE", &token)
            .set("AWS_ROLE_ARN", "arn:aws:iam::1:role/e")
            .set("AWS_ROLE_SESSION_NAME", "pod")
            .set("AWS_REGION", "us-west-2");
        let found = sts.find(&home, None).unwrap();
        assert_eq!(found.credentials.access_key_id, "ASIA0123456789pod");
        let asked = sts.asked.lock().unwrap();
        assert!(asked[0].contains("WebIdentityToken=JWT&"), "{}", asked[0]);
        assert!(asked[1].starts_with("https://sts.us-west-2.amazonaws.com/ "), "{}", asked[1]);
        drop(asked);
        let home = home.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token");
        let error = home.error(None).to_string();
        assert!(error.contains("/nonexistent/token: No such file"), "{error}");
    }

    #[test]
    fn the_container_agent_is_asked_with_its_token() {
        let (agent, heads) = service(|_| (200, CONTAINER_KEYS.to_owned()));
        let home = Home::new("", "");
        let token = home.write("token", "Bearer SECRET-TOKEN\n");
        let home = home
            .set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{agent}/v1/credentials?id=7"))
            .set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token);
        let found = home.chain(None).find().unwrap();
        assert_eq!(found.credentials.access_key_id, "AKIDCONTAINER");
        assert_eq!(found.source, "container agent");
        assert!(found.credentials.expires_at.is_some());
        let heads = heads.lock().unwrap();
        assert!(heads[0].starts_with("GET /v1/credentials?id=7 HTTP/1.1\r\n"), "{}", heads[0]);
        assert!(heads[0].contains("\r\nauthorization: Bearer SECRET-TOKEN\r\n"), "{}", heads[0]);
    }

    #[test]
    fn a_container_agent_that_fails_ends_the_search() {
        let (agent, _) = service(|_| (403, "not\nfor you".to_owned()));
        let home =
            Home::new("", "").set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{agent}/x"));
        let error = home.error(None).to_string();
        assert!(error.ends_with("ECS task not authorized to fetch credentials: not for you"));
        let home = home.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x");
        let error = home.error(None).to_string();
        assert!(error.contains("failed to fetch ECS credentials: 127.0.0.1: "), "{error}");
        let home = home.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/x");
        assert!(home.error(None).to_string().contains("neither https nor"));
    }

    #[test]
    fn the_metadata_service_is_asked_last() {
        let (address, heads) = service(|head| match head.lines().next().unwrap() {
            "PUT /latest/api/token HTTP/1.1" => (200, "T".to_owned()),
            "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1" => (200, "role".to_owned()),
            "GET /latest/meta-data/iam/security-credentials/role HTTP/1.1" => (
                200,
                r#"{"Code":"Success","AccessKeyId":"AKIDEC2","SecretAccessKey":"SECRET",
                    "Token":"TOKEN","Expiration":"2099-01-01T00:00:00Z"}"#
                    .to_owned(),
            ),
            other => panic!("asked for {other}"),
        });
        let home = Home::new("", "")
            .set("AWS_EC2_METADATA_DISABLED", "")
            .set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &address);
        let found = home.chain(None).find().unwrap();
        assert_eq!(found.credentials.access_key_id, "AKIDEC2");
        assert_eq!(found.source, "EC2 metadata service");
        assert_eq!(heads.lock().unwrap().len(), 3);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test is about real time")]
    fn a_metadata_service_that_is_silent_costs_less_than_two_seconds() {
        // Bound and never accepted from: the connection opens, no answer comes.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", silent.local_addr().unwrap());
        let home = Home::new("", "")
            .set("AWS_EC2_METADATA_DISABLED", "")
            .set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &address);
        let began = Instant::now();
        let error = home.error(None).to_string();
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert!(error.contains("EC2 metadata service: failed to connect to IMDS: 127.0.0.1: "));
    }

    #[test]
    fn an_sso_session_is_used_while_its_token_lasts() {
        let (portal, heads) = service(|_| {
            let keys = r#"{"roleCredentials":{"accessKeyId":"ASIASSO","secretAccessKey":"SECRET",
                "sessionToken":"TOKEN","expiration":4070908800000}}"#;
            (200, keys.to_owned())
        });
        let home = Home::new(
            "[profile sso]\nsso_session=corp\nsso_account_id=1\nsso_role_name=dev\n\
             [sso-session corp]\nsso_region=eu-west-1\nsso_start_url=https://x.awsapps.com/start\n\
             [profile half]\nsso_session=corp\nsso_account_id=1\n\
             [profile lost]\nsso_session=corpse\n",
            "",
        )
        .set("AWS_SSO_ENDPOINT", &portal);
        let error = home.error(Some("sso"));
        assert!(error.to_string().contains("No valid SSO token found"), "{error}");
        assert_eq!(error.hint(), "type: aws sso login --profile sso");
        assert!(home.error(Some("half")).to_string().contains("sso_role_name is not set"));
        assert!(home.error(Some("lost")).to_string().contains("there is no [sso-session corpse]"));
        // Named after the SHA-1 of the session's name, as `aws sso login` does.
        home.write(
            ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json",
            r#"{"accessToken":"SECRET","expiresAt":"2099-01-01T00:00:00Z"}"#,
        );
        assert_eq!(home.id(Some("sso")), "ASIASSO");
        let heads = heads.lock().unwrap();
        assert!(heads[0].contains("\r\nx-amz-sso_bearer_token: SECRET\r\n"), "{}", heads[0]);
    }
}
