//! The library in a page: one file to one object.
//!
//! `cargo run --example upload -- FILE http://127.0.0.1:8333 s3://bucket/key`, with the keys in
//! `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.

use std::error::Error;
use std::path::Path;

use curlift::disk::Source;
use curlift::s3::payload::PayloadMode;
use curlift::s3::{Addressing, Credentials, Destination, Endpoint, Limits, Object, Secret};
use curlift::session::{Session, SessionSettings};
use curlift::transport::HandleSettings;
use curlift::upload::{Engine, EngineSettings, Manner, Notice, Outcome, UploadPlan, run};

const MIB: u64 = 1 << 20;

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
#[expect(clippy::disallowed_methods, reason = "an example reads its environment itself")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, endpoint, destination] = &arguments[..] else {
        return Err("usage: upload FILE ENDPOINT s3://BUCKET/KEY".into());
    };
    let source = Source::open(Path::new(file))?;
    let plan = UploadPlan::new(source.size(), 16 * MIB, 16 * MIB, &Limits::AWS)?;
    let destination = Destination {
        endpoint: Endpoint::new(endpoint, Addressing::Auto)?,
        region: "us-east-1".into(),
        object: Object::parse(destination, None)?,
    };
    let manner = Manner::new(destination, PayloadMode::UnsignedTrailer);
    let engine = EngineSettings::new(plan, manner, 1);
    let settings = SessionSettings {
        credentials: Some(Credentials {
            access_key_id: std::env::var("AWS_ACCESS_KEY_ID")?,
            secret_access_key: Secret::new(std::env::var("AWS_SECRET_ACCESS_KEY")?),
            session_token: None,
            expires_at: None,
        }),
        renewal: None,
        link_renewal: None,
        transport: HandleSettings::default(),
        fields: Vec::new(),
        concurrency: engine.concurrency,
        journal: None,
    };
    let mut engine = Engine::new(engine);
    let observer = |notice: &Notice| {
        if let Notice::PartStored { part, attempts, .. } = notice {
            println!("part {} stored at attempt {attempts}", part.number);
        }
    };
    let mut session = Session::new(settings, source, Box::new(observer))?;
    match run(&mut engine, &mut session)? {
        Outcome::Uploaded(uploaded) => println!("uploaded: {uploaded:?}"),
        outcome => return Err(format!("{outcome:?}").into()),
    }
    println!("{:?}", engine.tally());
    Ok(())
}
