//! What somebody is told, in HTTP/1.1 (RFC 9110, RFC 9112).

use std::fmt::Write;

/// An answer, after which the connection is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    /// Code and phrase.
    status: &'static str,
    kind: &'static str,
    body: String,
    has_body: bool,
}

impl Response {
    /// The page of metrics, or only what stands in front of it.
    pub(super) fn metrics(body: String, head_only: bool) -> Self {
        Self {
            status: "200 OK",
            kind: "text/plain; version=0.0.4; charset=utf-8",
            body,
            has_body: !head_only,
        }
    }

    /// A text for people.
    pub(super) fn text(status: &'static str, text: impl Into<String>) -> Self {
        let body = text.into() + "\n";
        Self { status, kind: "text/plain; charset=utf-8", body, has_body: true }
    }

    /// What goes over the connection.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut text = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n",
            self.status,
            self.kind,
            self.body.len()
        );
        if self.status.starts_with("405") {
            text += "Allow: GET, HEAD\r\n";
        }
        // To write to a string does not fail.
        let _ = write!(text, "\r\n{}", if self.has_body { self.body.as_str() } else { "" });
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_its_length() {
        let whole = String::from_utf8(Response::metrics("a 1\n".to_owned(), false).encode()).unwrap();
        assert!(whole.starts_with("HTTP/1.1 200 OK\r\n") && whole.ends_with("\r\n\r\na 1\n"), "{whole}");
        assert!(whole.contains("\r\nContent-Length: 4\r\n") && whole.contains("\r\nConnection: close\r\n"));
        let head = String::from_utf8(Response::metrics("a 1\n".to_owned(), true).encode()).unwrap();
        assert_eq!(head, whole.trim_end_matches("a 1\n"));
        let wrong = String::from_utf8(Response::text("405 Method Not Allowed", "no").encode()).unwrap();
        assert!(wrong.contains("\r\nAllow: GET, HEAD\r\n") && wrong.ends_with("\r\n\r\nno\n"), "{wrong}");
    }
}
