//! The servers a client calls: Microsoft's, or others in their place.

use url::Url;

use super::cloud::Cloud;

/// Base addresses of the login and management servers: Microsoft's own of each cloud, or replacements (an emulator, a
/// private gateway).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    login_url: Option<String>,
    manage_url: Option<String>,
}

/// A replacement for one of Microsoft's addresses cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot use {url:?} as a base address: {why}; give one such as https://host or http://127.0.0.1:8765"
)]
pub struct InvalidEndpoint {
    url: String,
    why: &'static str,
}

impl Endpoints {
    /// Replaces Microsoft's servers, for every cloud. Plain http is allowed only here.
    ///
    /// # Errors
    /// When an address is not http(s) or carries user information, a query or a fragment.
    pub fn overridden(
        login_url: Option<&str>,
        manage_url: Option<&str>,
    ) -> Result<Self, InvalidEndpoint> {
        Ok(Self {
            login_url: login_url.map(base).transpose()?,
            manage_url: manage_url.map(base).transpose()?,
        })
    }

    /// Where tokens for this cloud come from, without a trailing slash.
    #[must_use]
    pub fn login_url(&self, cloud: Cloud) -> &str {
        self.login_url
            .as_deref()
            .unwrap_or_else(|| cloud.login_url())
    }

    /// Where the API of this cloud answers, without a trailing slash.
    #[must_use]
    pub fn manage_url(&self, cloud: Cloud) -> &str {
        self.manage_url
            .as_deref()
            .unwrap_or_else(|| cloud.manage_url())
    }

    /// Whether every server is called over TLS.
    pub(crate) fn https_only(&self) -> bool {
        [&self.login_url, &self.manage_url]
            .into_iter()
            .flatten()
            .all(|url| url.starts_with("https://"))
    }
}

/// Checks a base address and takes the slash off its end.
fn base(text: &str) -> Result<String, InvalidEndpoint> {
    let fail = |why| InvalidEndpoint {
        url: text.chars().take(200).collect(),
        why,
    };
    let url = Url::parse(text).map_err(|_| fail("it is not an absolute URL"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(fail("only https and http are known"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(fail("it names no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidEndpoint {
            url: "(hidden)".to_owned(),
            why: "it carries user information",
        });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(fail("it carries a query or a fragment"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_has_its_own_hosts_and_scope() {
        let endpoints = Endpoints::default();
        assert_eq!(
            endpoints.manage_url(Cloud::GccHigh),
            "https://manage.office365.us"
        );
        assert_eq!(
            endpoints.login_url(Cloud::Dod),
            "https://login.microsoftonline.us"
        );
        assert_eq!(Cloud::China.scope(), "https://manage.office365.cn/.default");
        assert!(endpoints.https_only());
    }

    #[track_caller]
    fn check(url: &str, expect: Option<&str>) {
        let made = Endpoints::overridden(None, Some(url));
        assert_eq!(
            made.as_ref().ok().map(|e| e.manage_url(Cloud::Gcc)),
            expect,
            "{url:?}"
        );
    }

    #[test]
    fn an_override_is_used_for_every_cloud() {
        check("http://127.0.0.1:8765/", Some("http://127.0.0.1:8765"));
        check(
            "https://Gateway.example/o365",
            Some("https://gateway.example/o365"),
        );
        check("ftp://127.0.0.1", None);
        check("127.0.0.1:8765", None);
        check("http://user:pass@127.0.0.1", None);
        check("https://host/?a=b", None);
        check("https://host/#a", None);
        assert!(
            !Endpoints::overridden(None, Some("http://127.0.0.1:1"))
                .unwrap()
                .https_only()
        );
    }
}
