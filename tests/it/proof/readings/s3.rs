//! What ualstream asks of S3, as the library that it uses asks it; and of a folder, which is local mode's lake.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::signer::Signer as _;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use tests::Outcome;

use super::servers::{KEY, REGION, Reading};
use super::{compare, servers};

type Store = Arc<dyn ObjectStore>;

/// Smallest part of a multipart upload that is not its last.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// One more than a page of a listing has.
const MANY: usize = 1_001;

/// Requests in flight.
const AT_ONCE: usize = 16;

/// For the signature of a request that follows at once.
const SIGNED_FOR: std::time::Duration = std::time::Duration::from_secs(60);

/// A store of one test at each server, empty.
pub(super) async fn stores(name: &str) -> Outcome<(tempfile::TempDir, Vec<(Reading, Store)>)> {
    let folder = tempfile::tempdir()?;
    let local = LocalFileSystem::new_with_prefix(folder.path())?;
    let mut stores: Vec<(Reading, Store)> = vec![(Reading::Embedded, Arc::new(local))];
    for (reading, endpoint) in servers::s3().await? {
        let bucket = AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_allow_http(true)
            .with_region(REGION)
            .with_bucket_name(name.replace('_', "-"))
            .with_access_key_id(KEY)
            .with_secret_access_key(KEY)
            .build()?;
        // The library makes no buckets. Without a key, the address is that of the bucket.
        let none = Path::default();
        let address = bucket.signed_url(http::Method::PUT, &none, SIGNED_FOR);
        let client = reqwest::Client::builder().timeout(SIGNED_FOR).build()?;
        let create = client.put(address.await?);
        // moto asks for the length of nothing.
        let create = create.header(http::header::CONTENT_LENGTH, "0");
        let created = create.send().await?;
        created.error_for_status()?;
        stores.push((reading, Arc::new(bucket)));
    }
    Ok((folder, stores))
}

async fn at_each(promise: &str, aws: &str, body: impl AsyncFn(&Store) -> Outcome<String>) {
    let (_folder, stores) = stores(promise).await.unwrap();
    let mut seen = Vec::new();
    for (reading, store) in stores {
        seen.push((reading, body(&store).await));
    }
    compare(promise, aws, seen);
}

fn told<T>(answer: &Result<T, Error>) -> String {
    match answer {
        Ok(_) => "accepted".to_owned(),
        Err(Error::AlreadyExists { .. }) => "refused".to_owned(),
        Err(Error::NotFound { .. }) => "not found".to_owned(),
        Err(error) => error.to_string(),
    }
}

async fn text(store: &Store, path: &Path) -> Outcome<String> {
    let bytes = store.get(path).await?.bytes().await?;
    Ok(String::from_utf8(bytes.to_vec())?)
}

async fn listed(store: &Store, folder: &str) -> Outcome<Vec<String>> {
    let folder = Path::from(folder);
    let listing: Vec<_> = store.list(Some(&folder)).try_collect().await?;
    Ok(listing
        .into_iter()
        .map(|meta| meta.location.into())
        .collect())
}

#[tokio::test]
async fn a_second_put_if_absent_is_refused() {
    let aws = "accepted, refused, still one";
    at_each("a_second_put_if_absent_is_refused", aws, async |store| {
        let path = Path::from("a/b");
        let put = |text: &'static str| store.put_opts(&path, text.into(), PutMode::Create.into());
        let answers = [put("one").await, put("two").await].map(|answer| told(&answer));
        Ok(format!(
            "{}, still {}",
            answers.join(", "),
            text(store, &path).await?
        ))
    })
    .await;
}

#[tokio::test]
async fn of_many_puts_if_absent_one_is_accepted() {
    let aws = "1 accepted, 15 refused";
    at_each(
        "of_many_puts_if_absent_one_is_accepted",
        aws,
        async |store| {
            let puts = (0..AT_ONCE).map(|at| async move {
                let put = PutPayload::from(at.to_string());
                told(
                    &store
                        .put_opts(&Path::from("a/b"), put, PutMode::Create.into())
                        .await,
                )
            });
            let answers = futures::future::join_all(puts).await;
            let count = |of| answers.iter().filter(|answer| *answer == of).count();
            Ok(format!(
                "{} accepted, {} refused",
                count("accepted"),
                count("refused")
            ))
        },
    )
    .await;
}

#[tokio::test]
async fn a_missing_object_is_not_found() {
    let aws = "get not found, head not found, nothing listed";
    at_each("a_missing_object_is_not_found", aws, async |store| {
        store.put(&Path::from("a/b"), "one".into()).await?;
        let path = Path::from("a/c");
        let (get, head) = (
            told(&store.get(&path).await),
            told(&store.head(&path).await),
        );
        let below = listed(store, "c").await?;
        let below = if below.is_empty() {
            "nothing"
        } else {
            "something"
        };
        Ok(format!("get {get}, head {head}, {below} listed"))
    })
    .await;
}

#[tokio::test]
async fn a_listing_has_what_is_below_a_folder() {
    let keys = ["a/0", "a/10", "a/9", "a/B", "a/_/x/y", "a/a-b"];
    let aws = keys.join(" ");
    at_each(
        "a_listing_has_what_is_below_a_folder",
        &aws,
        async |store| {
            for key in ["a-", "ab/a", "b/a"].iter().chain(&keys) {
                store.put(&Path::from(*key), "x".into()).await?;
            }
            let mut found = listed(store, "a").await?;
            found.sort();
            Ok(found.join(" "))
        },
    )
    .await;
}

/// A folder lists in the order of its file system, and nothing of the product counts on an order.
#[tokio::test]
async fn a_bucket_lists_in_the_order_of_keys() {
    let promise = "a_bucket_lists_in_the_order_of_keys";
    let keys = [
        "a/!", "a/0", "a/10", "a/9", "a/B", "a/_/x", "a/a", "a/a-b", "a/a/x", "a/é",
    ];
    let (_folder, stores) = stores(promise).await.unwrap();
    let mut seen = Vec::new();
    for (reading, store) in stores.into_iter().skip(1) {
        let found = async {
            for key in keys.iter().rev() {
                store.put(&Path::parse(key)?, "x".into()).await?;
            }
            Ok(listed(&store, "a").await?.join(" "))
        };
        seen.push((reading, found.await));
    }
    compare(promise, &keys.join(" "), seen);
}

#[tokio::test]
async fn a_listing_goes_on_over_its_pages() {
    let aws = "1001, each once";
    at_each("a_listing_goes_on_over_its_pages", aws, async |store| {
        let keys: Vec<String> = (0..MANY).map(|at| format!("a/{at:04}")).collect();
        let puts = keys.iter().map(|key| async move {
            let path = Path::from(key.as_str());
            store.put(&path, "x".into()).await.map(drop)
        });
        let puts: Vec<_> = puts.collect();
        let mut puts = stream::iter(puts).buffer_unordered(AT_ONCE);
        while puts.try_next().await?.is_some() {}
        let mut found = listed(store, "a").await?;
        found.sort();
        let once = if found == keys {
            "each once"
        } else {
            "not each once"
        };
        Ok(format!("{}, {once}", found.len()))
    })
    .await;
}

#[tokio::test]
async fn folders_are_told_of() {
    let aws = "folders a/b a/c, objects a/d";
    at_each("folders_are_told_of", aws, async |store| {
        for key in ["a/b/1", "a/b/2", "a/c/1", "a/d", "ab/1"] {
            store.put(&Path::from(key), "x".into()).await?;
        }
        let listing = store.list_with_delimiter(Some(&Path::from("a"))).await?;
        let mut folders: Vec<String> = listing
            .common_prefixes
            .iter()
            .map(Path::to_string)
            .collect();
        folders.sort();
        let objects: Vec<&str> = listing
            .objects
            .iter()
            .map(|of| of.location.as_ref())
            .collect();
        Ok(format!(
            "folders {}, objects {}",
            folders.join(" "),
            objects.join(" ")
        ))
    })
    .await;
}

#[tokio::test]
async fn a_multipart_put_appears_when_it_is_complete() {
    let aws = "not found, nothing listed; whole; aborted not found";
    at_each(
        "a_multipart_put_appears_when_it_is_complete",
        aws,
        async |store| {
            let path = Path::from("a/b");
            let (first, last) = (vec![1; PART_BYTES], vec![2; 1_000]);
            let whole = [first.clone(), last.clone()].concat();
            let mut upload = store.put_multipart(&path).await?;
            upload.put_part(first.clone().into()).await?;
            upload.put_part(last.into()).await?;
            let before = told(&store.get(&path).await);
            let below = listed(store, "a").await?;
            let below = if below.is_empty() {
                "nothing"
            } else {
                "something"
            };
            upload.complete().await?;
            let after = store.get(&path).await?.bytes().await? == whole;
            let after = if after { "whole" } else { "not whole" };

            let path = Path::from("a/c");
            let mut upload = store.put_multipart(&path).await?;
            upload.put_part(first.into()).await?;
            upload.abort().await?;
            let aborted = told(&store.get(&path).await);
            Ok(format!(
                "{before}, {below} listed; {after}; aborted {aborted}"
            ))
        },
    )
    .await;
}

/// The compactor tells by the entity tag of a listing whether what it read is what is there.
#[tokio::test]
async fn an_overwritten_object_has_another_tag() {
    let aws = "two; listed as read, listed as read; another tag";
    at_each(
        "an_overwritten_object_has_another_tag",
        aws,
        async |store| {
            let path = Path::from("a/b");
            let mut tags = Vec::new();
            let mut seen = Vec::new();
            for text in ["one", "two"] {
                store.put(&path, text.into()).await?;
                let read = store.get(&path).await?.meta.e_tag;
                let listing: Vec<_> = store.list(Some(&Path::from("a"))).try_collect().await?;
                let listed = listing.first().and_then(|meta| meta.e_tag.clone());
                let same = read.is_some() && read == listed;
                seen.push(if same {
                    "listed as read"
                } else {
                    "listed otherwise"
                });
                tags.push(read);
            }
            let other = if tags[0] == tags[1] {
                "the same tag"
            } else {
                "another tag"
            };
            let now = text(store, &path).await?;
            Ok(format!("{now}; {}; {other}", seen.join(", ")))
        },
    )
    .await;
}

#[tokio::test]
async fn keys_are_kept_as_they_are() {
    let aws = "the same";
    at_each("keys_are_kept_as_they_are", aws, async |store| {
        let key = "raw/content_type=DLP.All/a!2B+b@c,d&e;f:g$h (i)'é😀.gz";
        let path = Path::parse(key)?;
        store.put(&path, "one".into()).await?;
        let found = listed(store, "raw/content_type=DLP.All").await?;
        let read = text(store, &path).await?;
        Ok(match found == [key] && read == "one" {
            true => "the same".to_owned(),
            false => format!("{found:?} {read}"),
        })
    })
    .await;
}
