//! The real template, built by `sam build` and deployed by `sam deploy`, on ministack.

mod build;
mod processes;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use emulator::Emulator;
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use self::build::Built;
pub use self::told::{RULE_QUEUE, TOPIC_QUEUE};
use crate::forward::Forwarder;
use crate::issuer::Issuer;
use crate::served::Served;
use crate::webhook::Webhook;
use crate::{Outcome, ministack, tools};

/// A deployment takes 15 s on an idle machine.
const DEPLOY_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// For one call of the `aws` command line. It takes a second to start, and an invocation lasts up to the function's
/// timeout.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);

/// The Firehose stream that the stack forwards to, and its bucket. An operator has these before deploying.
const STREAM: &str = "to-the-siem";

/// The audience of tokens that people sign on with.
pub const AUDIENCE: &str = "ualstream-stack";

/// The role of the Firehose stream. Its permissions are not checked.
const STREAM_ROLE: &str = "arn:aws:iam::000000000000:role/to-the-siem";

/// Most log lines read from a function: more than a test's run writes.
const LOG_LINES_SHOWN: &str = "200";

/// A deployed stack. Dropping it stops it and deletes its files.
#[derive(Debug)]
pub struct Stack {
    // Dropped in this order, so that nothing writes into a folder that is gone.
    ministack: Served,
    forwarder: Forwarder,
    issuer: Issuer,
    webhook: Webhook,
    outputs: BTreeMap<String, String>,
    built: Arc<Built>,
    dir: TempDir,
}

impl Stack {
    /// Builds, starts and deploys the stack, with `microsoft` in place of Microsoft, and stores the application's
    /// secret.
    ///
    /// # Errors
    /// The first step that fails, with its output.
    pub async fn deploy(microsoft: &Emulator) -> Outcome<Self> {
        tools::install().await?;
        let dir = tempfile::Builder::new()
            .prefix("ualstream-stack-")
            .tempdir()?;
        let mut stack = Self {
            built: build::built().await?,
            ministack: ministack::start(dir.path()).await?,
            forwarder: Forwarder::start().await?,
            issuer: Issuer::start().await?,
            webhook: Webhook::start(0).await?,
            outputs: BTreeMap::new(),
            dir,
        };
        stack
            .create_all(microsoft)
            .await
            .map_err(|error| stack.failed(&error.to_string()))?;
        stack.outputs = stack.read_outputs().await?;
        let api = stack
            .output("ApiUrl")?
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        stack.forwarder.lead_to(stack.ministack.address(), api);
        stack.cap_concurrency().await?;
        let secret = microsoft.client_secret();
        let name = stack.output("AppCredentialSecret")?;
        stack
            .aws(&[
                "secretsmanager",
                "put-secret-value",
                "--secret-id",
                name,
                "--secret-string",
                secret,
            ])
            .await?;
        Ok(stack)
    }

    /// An output of the stack.
    ///
    /// # Errors
    /// The stack has no output of that name.
    pub fn output(&self, name: &str) -> Outcome<&str> {
        let value = self.outputs.get(name).map(String::as_str);
        value.ok_or_else(|| format!("the stack has no output {name}").into())
    }

    /// The address of the operator's API and the webhook, as a URL that ends in a slash.
    #[must_use]
    pub fn url(&self) -> String {
        self.forwarder.url()
    }

    /// The identity provider whose tokens the stack takes.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The operator's webhook, which the stack sends findings to.
    #[must_use]
    pub fn webhook(&self) -> &Webhook {
        &self.webhook
    }

    /// The operator's API key.
    ///
    /// # Errors
    /// The secret cannot be read.
    pub async fn api_key(&self) -> Outcome<String> {
        self.secret("ApiKeySecret").await
    }

    /// A secret of the stack, by the output that names it, read as an operator would.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn secret(&self, output: &str) -> Outcome<String> {
        let id = self.output(output)?;
        let get = ["secretsmanager", "get-secret-value", "--secret-id", id];
        let secret = self.aws(&get).await?;
        let text = secret.get("SecretString").and_then(Value::as_str);
        text.map(str::to_owned)
            .ok_or_else(|| format!("{output} has no text").into())
    }

    /// Calls the `aws` command line with full permissions and parses its output; `null` if it prints nothing.
    ///
    /// # Errors
    /// The call fails. The error has its message.
    pub async fn aws(&self, arguments: &[&str]) -> Outcome<Value> {
        let printed = tools::run(
            self.aws_tool().args(arguments).args(["--output", "json"]),
            CALL_TIMEOUT,
        )
        .await?;
        if printed.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&printed).map_err(|error| {
            format!("aws {arguments:?} did not print JSON ({error}): {printed}").into()
        })
    }

    /// Invokes a function with an event and returns its result.
    ///
    /// # Errors
    /// It cannot be invoked, or it fails.
    pub async fn invoke(&self, output: &str, event: &Value) -> Outcome<Value> {
        let answer = self.dir.path().join(format!("{}.json", Uuid::new_v4()));
        let (name, path) = (self.output(output)?, answer.to_string_lossy());
        let payload = event.to_string();
        let call = [
            "lambda",
            "invoke",
            "--function-name",
            name,
            "--payload",
            &payload,
            &path,
        ];
        let status = self.aws(&call).await?;
        let result = std::fs::read_to_string(&answer)?;
        if status.get("FunctionError").is_some() {
            return Err(format!("{name} failed: {result}").into());
        }
        Ok(serde_json::from_str(&result)?)
    }

    /// Copies the lake into a folder of the stack and returns the folder.
    ///
    /// # Errors
    /// The bucket cannot be read.
    pub async fn lake(&self) -> Outcome<PathBuf> {
        let dir = self.dir.path().join("lake");
        self.sync(self.output("LakeBucket")?, &dir).await?;
        Ok(dir)
    }

    /// Copies what the stream delivered into a folder of the stack and returns the folder.
    ///
    /// # Errors
    /// The stream's bucket cannot be read.
    pub async fn delivered(&self) -> Outcome<PathBuf> {
        let dir = self.dir.path().join("delivered");
        self.sync(STREAM, &dir).await?;
        Ok(dir)
    }

    async fn sync(&self, bucket: &str, dir: &Path) -> Outcome<()> {
        let bucket = format!("s3://{bucket}");
        let mut sync = self.aws_tool();
        sync.args(["s3", "sync", "--delete", "--only-show-errors", &bucket])
            .arg(dir);
        tools::run(&mut sync, CALL_TIMEOUT).await.map(drop)
    }

    /// Puts a file into the bucket of the lake.
    ///
    /// # Errors
    /// The bucket refuses it.
    pub async fn put(&self, key: &str, file: &Path) -> Outcome<()> {
        let (bucket, file) = (self.output("LakeBucket")?, file.to_string_lossy());
        let call = ["s3api", "put-object", "--bucket", bucket, "--key", key];
        let body = ["--body", &file];
        self.aws(&[call.as_slice(), &body].concat()).await.map(drop)
    }

    /// The size of each built bootstrap in bytes, by the function's name in the template.
    ///
    /// # Errors
    /// The build has left none.
    pub fn bootstraps(&self) -> Outcome<BTreeMap<String, u64>> {
        self.built.bootstraps()
    }

    /// The log of a function, at most its first 200 lines.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn log(&self, function: &str) -> Outcome<String> {
        let group = format!("/aws/lambda/ualstream-{function}");
        let mut call = vec!["logs", "filter-log-events", "--log-group-name", &group];
        call.extend([
            "--max-items",
            LOG_LINES_SHOWN,
            "--query",
            "events[].message",
        ]);
        let lines: Option<Vec<String>> = serde_json::from_value(self.aws(&call).await?)?;
        Ok(lines.unwrap_or_default().join("\n"))
    }

    /// The logs of all functions and of ministack, to show when a test fails.
    pub async fn logs(&self) -> String {
        let mut all = String::new();
        for function in [
            "receiver",
            "fetcher",
            "api",
            "reconciler",
            "compactor",
            "forwarder",
            "detector",
            "notifier",
        ] {
            let lines = self
                .log(function)
                .await
                .unwrap_or_else(|error| error.to_string());
            all.push_str(&format!("--- {function} ---\n{lines}\n"));
        }
        all.push_str(&format!(
            "--- ministack ---\n{}\n",
            tools::tail(&self.ministack.log())
        ));
        all
    }

    fn aws_tool(&self) -> tokio::process::Command {
        let mut aws = self.tool("aws");
        // Setting the variable is not enough: for SQS, this version uses an endpoint of its own.
        aws.args(["--endpoint-url", &self.ministack.endpoint()]);
        aws
    }

    fn tool(&self, name: &str) -> tokio::process::Command {
        let mut command = tools::sam_tool(name);
        command
            .env("AWS_ENDPOINT_URL", self.ministack.endpoint())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test");
        command
    }

    /// What an operator has before deploying, and then the stack.
    async fn create_all(&self, microsoft: &Emulator) -> Outcome<()> {
        self.create_stream().await?;
        self.create_listeners().await?;
        self.create(microsoft).await
    }

    async fn create(&self, microsoft: &Emulator) -> Outcome<()> {
        let parameters = [
            format!("Architecture={}", architecture()),
            format!("ClientId={}", microsoft.client_id()),
            format!("PublisherId={}", Uuid::new_v4()),
            format!("LoginUrl={}", microsoft.login_url()),
            format!("ManageUrl={}", microsoft.manage_url()),
            format!("WebhookBaseUrl={}", self.forwarder.url()),
            format!("FirehoseStream={STREAM}"),
            format!("FindingsTopicArn={}", told::TOPIC_ARN),
            format!("FindingsWebhookUrl={}", self.webhook.url()?),
            format!("JwtIssuer={}", self.issuer.url()),
            format!("JwtAudience={AUDIENCE}"),
            "DeletionProtection=false".to_owned(),
        ];
        let mut deploy = self.tool("sam");
        deploy
            .args([
                "deploy",
                "--stack-name",
                "ualstream",
                "--resolve-s3",
                "--capabilities",
                "CAPABILITY_IAM",
            ])
            .args([
                "--no-confirm-changeset",
                "--no-progressbar",
                "--template-file",
            ])
            .arg(self.built.template())
            .arg("--parameter-overrides")
            .args(parameters);
        tools::run(&mut deploy, DEPLOY_TIMEOUT).await.map(drop)
    }

    async fn create_stream(&self) -> Outcome<()> {
        let bucket = ["s3api", "create-bucket", "--bucket", STREAM];
        self.aws(&bucket).await?;
        let destination =
            format!("RoleARN={STREAM_ROLE},BucketARN=arn:aws:s3:::{STREAM},Prefix=got/");
        let mut stream = vec!["firehose", "create-delivery-stream"];
        stream.extend(["--delivery-stream-name", STREAM]);
        stream.extend(["--extended-s3-destination-configuration", &destination]);
        self.aws(&stream).await.map(drop)
    }

    async fn read_outputs(&self) -> Outcome<BTreeMap<String, String>> {
        let query = "Stacks[0].Outputs[].[OutputKey,OutputValue]";
        let pairs = self
            .aws(&[
                "cloudformation",
                "describe-stacks",
                "--stack-name",
                "ualstream",
                "--query",
                query,
            ])
            .await?;
        let pairs: Vec<(String, String)> = serde_json::from_value(pairs)?;
        Ok(pairs.into_iter().collect())
    }

    /// ministack 1.5.33 keeps a number from a parameter as text and then cannot compare it. AWS converts it.
    async fn cap_concurrency(&self) -> Outcome<()> {
        for function in ["FetcherName", "ReconcilerName", "DetectorName"] {
            let name = self.output(function)?;
            let mut list = vec!["lambda", "list-event-source-mappings"];
            list.extend(["--function-name", name]);
            list.extend(["--query", "EventSourceMappings[0].UUID"]);
            let id = self.aws(&list).await?;
            let id = id
                .as_str()
                .ok_or_else(|| format!("{function} has no event source mapping"))?;
            let mut update = vec!["lambda", "update-event-source-mapping", "--uuid", id];
            update.extend(["--scaling-config", "MaximumConcurrency=4"]);
            self.aws(&update).await?;
        }
        Ok(())
    }

    fn failed(&self, error: &str) -> String {
        format!(
            "{error}\n--- ministack ---\n{}",
            tools::tail(&self.ministack.log())
        )
    }
}

/// This machine's processor, in Lambda's spelling: the bootstraps run here.
#[must_use]
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}
