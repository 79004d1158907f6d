//! The app registration's credential: its kind, and where it is kept.

use super::Env;

/// How the app registration proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSettings {
    /// `APP_CREDENTIAL=secret`, the default: the secret at this ARN is a client secret.
    Secret(String),
    /// `APP_CREDENTIAL=certificate`: the secret at this ARN is one PEM text with an RSA private key and its certificate.
    Certificate(String),
    /// `APP_CREDENTIAL=federated`: nothing is stored, AWS says who we are.
    Federated,
}

impl Env<'_> {
    pub(super) fn credential(&mut self) -> Option<CredentialSettings> {
        let kind = self.value("APP_CREDENTIAL");
        match kind.as_deref() {
            None | Some("secret") => self
                .required("APP_SECRET_ARN")
                .map(CredentialSettings::Secret),
            Some("certificate") => self
                .required("APP_SECRET_ARN")
                .map(CredentialSettings::Certificate),
            Some("federated") => Some(CredentialSettings::Federated),
            Some(_) => {
                self.faults
                    .push("APP_CREDENTIAL must be secret, certificate or federated".to_owned());
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Option<&str>, arn: Option<&str>, expect: Result<CredentialSettings, &str>) {
        let get = |name: &str| match name {
            "APP_CREDENTIAL" => kind.map(str::to_owned),
            "APP_SECRET_ARN" => arn.map(str::to_owned),
            _ => panic!("asked for {name}"),
        };
        let mut env = Env::new(&get);
        let found = env.credential();
        let found = found.ok_or_else(|| env.faults.join("; "));
        assert_eq!(found, expect.map_err(str::to_owned), "{kind:?} {arn:?}");
    }

    #[test]
    fn a_stored_credential_needs_its_place_and_a_federated_one_none() {
        use CredentialSettings::{Certificate, Federated, Secret};
        let missing = Err("APP_SECRET_ARN is not set");
        check(None, Some("arn"), Ok(Secret("arn".to_owned())));
        check(Some(""), Some("arn"), Ok(Secret("arn".to_owned())));
        check(Some("secret"), None, missing.clone());
        check(
            Some("certificate"),
            Some("arn"),
            Ok(Certificate("arn".to_owned())),
        );
        check(Some("certificate"), Some(" "), missing);
        check(Some("federated"), None, Ok(Federated));
        check(Some("federated"), Some("arn"), Ok(Federated));
        let unknown = "APP_CREDENTIAL must be secret, certificate or federated";
        check(Some("Secret"), Some("arn"), Err(unknown));
    }
}
