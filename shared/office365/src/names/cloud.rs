//! Microsoft's clouds and the servers of each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The cloud a tenant lives in. Each sovereign cloud needs an app registration of its own.
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
    /// Every cloud.
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
}
