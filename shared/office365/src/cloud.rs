//! Microsoft's clouds and their addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

/// The cloud a tenant lives in. Sovereign clouds need an app registration of their own.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// The world-wide commercial cloud.
    #[default]
    Enterprise,
    /// US government community cloud.
    Gcc,
    /// US government, GCC High.
    GccHigh,
    /// US Department of Defense.
    Dod,
    /// China, operated by 21Vianet.
    China,
}

/// The text is not one of the five clouds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown cloud: expected enterprise, gcc, gcc-high, dod or china")]
pub struct UnknownCloud;

impl Cloud {
    /// All five.
    pub const ALL: [Self; 5] = [
        Self::Enterprise,
        Self::Gcc,
        Self::GccHigh,
        Self::Dod,
        Self::China,
    ];

    /// The name in settings and stored rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enterprise => "enterprise",
            Self::Gcc => "gcc",
            Self::GccHigh => "gcc-high",
            Self::Dod => "dod",
            Self::China => "china",
        }
    }

    /// Where tokens come from, without a trailing slash.
    #[must_use]
    pub const fn login_url(self) -> &'static str {
        match self {
            Self::Enterprise | Self::Gcc => "https://login.microsoftonline.com",
            Self::GccHigh | Self::Dod => "https://login.microsoftonline.us",
            Self::China => "https://login.partner.microsoftonline.cn",
        }
    }

    /// Where the API answers, without a trailing slash. It is also the token's resource.
    #[must_use]
    pub const fn manage_url(self) -> &'static str {
        match self {
            Self::Enterprise => "https://manage.office.com",
            Self::Gcc => "https://manage-gcc.office.com",
            Self::GccHigh => "https://manage.office365.us",
            Self::Dod => "https://manage.protection.apps.mil",
            Self::China => "https://manage.office365.cn",
        }
    }

    /// The scope that yields all application permissions which were consented to.
    #[must_use]
    pub fn scope(self) -> String {
        format!("{}/.default", self.manage_url())
    }
}

impl FromStr for Cloud {
    type Err = UnknownCloud;

    fn from_str(text: &str) -> Result<Self, UnknownCloud> {
        Self::ALL
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(text))
            .ok_or(UnknownCloud)
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The addresses in use: each cloud's own, or another server in their place (an emulator, a private gateway).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    login_url: Option<String>,
    manage_url: Option<String>,
    scope: Option<String>,
}

/// An address given in place of Microsoft's cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot use {url:?} as a base address: {why}; give one such as https://host or http://127.0.0.1:8765"
)]
pub struct InvalidEndpoint {
    url: String,
    why: &'static str,
}

impl Endpoints {
    /// Puts other servers in the place of Microsoft's, for every cloud. Plain http is allowed only here.
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
            scope: None,
        })
    }

    /// Asks for another scope than the cloud's: some GCC tenants issue tokens for `https://manage.office.com` only.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
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

    /// The scope asked for in this cloud.
    #[must_use]
    pub fn scope(&self, cloud: Cloud) -> String {
        self.scope.clone().unwrap_or_else(|| cloud.scope())
    }

    /// Whether every request goes over TLS.
    pub(crate) fn https_only(&self) -> bool {
        [&self.login_url, &self.manage_url]
            .into_iter()
            .flatten()
            .all(|url| url.starts_with("https://"))
    }
}

/// Checks and cleans one base address.
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
    fn every_cloud_round_trips() {
        for cloud in Cloud::ALL {
            assert_eq!(cloud.to_string().parse(), Ok(cloud));
            let json = serde_json::to_string(&cloud).unwrap();
            assert_eq!(json, format!("\"{cloud}\""));
            assert_eq!(serde_json::from_str::<Cloud>(&json).unwrap(), cloud);
        }
        assert_eq!("mooncake".parse::<Cloud>(), Err(UnknownCloud));
    }

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
        assert_eq!(
            endpoints.scope(Cloud::China),
            "https://manage.office365.cn/.default"
        );
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
