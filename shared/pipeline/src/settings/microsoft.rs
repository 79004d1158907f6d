//! How Microsoft is called: servers, app registration, and the kind of credential.

use office365::Endpoints;
use uuid::Uuid;

use super::variables::Variables;

/// How Microsoft is called.
#[derive(Debug)]
pub struct MicrosoftSettings {
    /// `CLIENT_ID`: our app registration.
    pub client_id: Uuid,
    /// `PUBLISHER_ID`: tenant GUID of whoever runs this; without it calls share a pool with everybody.
    pub publisher_id: Uuid,
    /// `APP_CREDENTIAL`, `APP_SECRET_ARN`: how the app registration proves who it is.
    pub credential: CredentialSettings,
    /// `LOGIN_URL`, `MANAGE_URL`: instead of the cloud's own hosts.
    pub endpoints: Endpoints,
}

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

impl Variables<'_> {
    pub(super) fn microsoft(&mut self) -> Option<MicrosoftSettings> {
        let client_id = self.parsed("CLIENT_ID");
        let publisher_id = self.parsed("PUBLISHER_ID");
        let credential = self.credential();
        Some(MicrosoftSettings {
            endpoints: self.endpoints()?,
            client_id: client_id?,
            publisher_id: publisher_id?,
            credential: credential?,
        })
    }

    pub(super) fn endpoints(&mut self) -> Option<Endpoints> {
        let login = self.value("LOGIN_URL");
        let manage = self.value("MANAGE_URL");
        match Endpoints::overridden(login.as_deref(), manage.as_deref()) {
            Ok(endpoints) => Some(endpoints),
            Err(why) => {
                self.faults.push(format!("LOGIN_URL or MANAGE_URL: {why}"));
                None
            }
        }
    }

    fn credential(&mut self) -> Option<CredentialSettings> {
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
        let mut env = Variables::new(&get);
        let found = env.credential();
        let found = found.ok_or_else(|| env.faults.join("; "));
        assert_eq!(found, expect.map_err(str::to_owned), "{kind:?} {arn:?}");
    }

    #[test]
    fn only_a_stored_credential_needs_an_arn() {
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
