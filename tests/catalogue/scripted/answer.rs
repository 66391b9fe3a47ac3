//! Answers as S3 writes them, to be sent as they are or changed before.

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// An answer without a body.
    pub(crate) fn new(status: u16) -> Answer {
        let date = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let answer = Answer { status, fields: Vec::new(), body: Vec::new() };
        answer.with("date", date).with("x-amz-request-id", "SCRIPTED0001")
    }

    /// A document.
    pub(crate) fn document(status: u16, root: &str, inner: &str) -> Answer {
        let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
        let answer = Answer::new(status).with("content-type", "application/xml");
        answer.saying(format!("{xml}\n<{root}>{inner}</{root}>"))
    }

    /// An error as S3 writes it.
    pub(crate) fn error(status: u16, code: &str) -> Answer {
        let inner = format!("<Code>{code}</Code><Message>as the script says</Message>");
        Answer::document(status, "Error", &inner)
    }

    /// With this field, in place of any of its name.
    pub(crate) fn with(self, name: &str, value: impl Into<String>) -> Answer {
        let mut answer = self.without(name);
        answer.fields.push((name.to_owned(), value.into()));
        answer
    }

    /// Without this field.
    pub(crate) fn without(mut self, name: &str) -> Answer {
        self.fields.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self
    }

    /// With this body.
    pub(crate) fn saying(mut self, body: impl Into<Vec<u8>>) -> Answer {
        self.body = body.into();
        self
    }

    /// With `from` in its body written as `to`.
    pub(crate) fn replacing(self, from: &str, to: &str) -> Answer {
        let body = String::from_utf8_lossy(&self.body).into_owned();
        assert!(body.contains(from), "{from} is not in {body}");
        self.saying(body.replace(from, to))
    }

    /// As it travels. The length is the body's unless a field says another.
    pub(crate) fn bytes(&self, head_only: bool) -> Vec<u8> {
        let mut fields = self.fields.clone();
        let has = |wanted: &str| self.fields.iter().any(|(name, _)| name == wanted);
        if !has("content-length") && !has("transfer-encoding") && self.status != 204 {
            fields.push(("content-length".into(), self.body.len().to_string()));
        }
        let lines = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = format!("HTTP/1.1 {} Scripted\r\n{}", self.status, lines.collect::<String>());
        let body: &[u8] = if head_only { b"" } else { &self.body };
        [head.as_bytes(), b"\r\n", body].concat()
    }
}
