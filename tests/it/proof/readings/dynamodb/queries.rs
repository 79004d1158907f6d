//! Queries: order, ends, pages, and the index of what is open.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use pipeline::ledger::OPEN_BLOBS;
use tests::Outcome;

use super::{Item, Table, at_each, bytes, number, sort_keys, text};

/// Most pages that a query of a test has.
const PAGES_MAX: usize = 20;

/// All items of a query, from page to page, and how many each page had.
async fn pages(query: QueryFluentBuilder) -> Outcome<(Vec<Item>, Vec<usize>)> {
    let (mut items, mut counts) = (Vec::new(), Vec::new());
    let mut start = None;
    for _ in 0..PAGES_MAX {
        let query = query.clone().set_exclusive_start_key(start);
        let output = query.send().await?;
        let page = output.items.unwrap_or_default();
        counts.push(page.len());
        items.extend(page);
        start = output.last_evaluated_key;
        if start.is_none() {
            return Ok((items, counts));
        }
    }
    Err("the query does not end".into())
}

async fn fill(table: &Table, keys: &[&str]) -> Outcome<()> {
    for key in keys {
        table.put(key, []).send().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_query_is_in_the_order_of_bytes() {
    let order = [
        "#", "0", "10", "9", "A", "B", "_", "a", "a#", "~", "é", "～", "😀",
    ];
    let forward = order.join(" ");
    let back: Vec<&str> = order.into_iter().rev().collect();
    let aws = format!("{forward}, and back {}", back.join(" "));
    at_each("a_query_is_in_the_order_of_bytes", &aws, async |table| {
        let mut keys = order;
        keys.sort_by_key(|key| key.len() * 31 % 7);
        fill(table, &keys).await?;
        let (items, _) = pages(table.query("")).await?;
        let (back, _) = pages(table.query("").scan_index_forward(false)).await?;
        let back = sort_keys(&back).join(" ");
        Ok(format!("{}, and back {back}", sort_keys(&items).join(" ")))
    })
    .await;
}

#[tokio::test]
async fn between_has_both_its_ends() {
    let aws = "b c d; from c: c d e; before c: b a";
    at_each("between_has_both_its_ends", aws, async |table| {
        fill(table, &["a", "b", "c", "d", "e"]).await?;
        let between = table.query(" AND sk BETWEEN :first AND :last");
        let between = between
            .expression_attribute_values(":first", text("b"))
            .expression_attribute_values(":last", text("d"));
        let c = |and| {
            table
                .query(and)
                .expression_attribute_values(":c", text("c"))
        };
        let (between, _) = pages(between).await?;
        let (from, _) = pages(c(" AND sk >= :c")).await?;
        let (before, _) = pages(c(" AND sk < :c").scan_index_forward(false)).await?;
        let of = |items: &[Item]| sort_keys(items).join(" ");
        Ok(format!(
            "{}; from c: {}; before c: {}",
            of(&between),
            of(&from),
            of(&before)
        ))
    })
    .await;
}

#[tokio::test]
async fn a_query_goes_on_where_it_stopped() {
    let aws = "7 7 6 whole; back 7 7 6 whole; 20 0 whole";
    at_each("a_query_goes_on_where_it_stopped", aws, async |table| {
        let keys: Vec<String> = (0..20).map(|key| format!("{key:02}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        fill(table, &keys).await?;
        let mut seen = Vec::new();
        for (forward, limit) in [(true, 7), (false, 7), (true, 20)] {
            let query = table.query("").scan_index_forward(forward).limit(limit);
            let (items, counts) = pages(query).await?;
            let mut found = sort_keys(&items);
            if !forward {
                found.reverse();
            }
            let back = if forward { "" } else { "back " };
            let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
            let whole = if found == keys { "whole" } else { "not whole" };
            seen.push(format!("{back}{} {whole}", counts.join(" ")));
        }
        Ok(seen.join("; "))
    })
    .await;
}

/// The audit log counts on it: it asks for so many entries, of which a filter leaves some.
#[tokio::test]
async fn a_limit_counts_before_the_filter() {
    let aws = "2 2 1";
    at_each("a_limit_counts_before_the_filter", aws, async |table| {
        for (at, key) in ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
            .iter()
            .enumerate()
        {
            table
                .put(key, [("n", number(at as i64 % 2))])
                .send()
                .await?;
        }
        let query = table.query("").limit(4).filter_expression("n = :even");
        let query = query.expression_attribute_values(":even", number(0));
        let (_, counts) = pages(query).await?;
        let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
        Ok(counts.join(" "))
    })
    .await;
}

#[tokio::test]
async fn a_page_has_1_mb() {
    let aws = "several pages, whole";
    at_each("a_page_has_1_mb", aws, async |table| {
        let keys = ["a", "b", "c", "d"];
        for key in keys {
            table.put(key, [("ids", bytes(350_000))]).send().await?;
        }
        let (items, counts) = pages(table.query("")).await?;
        let whole = sort_keys(&items) == keys && items.iter().all(|item| item.contains_key("ids"));
        let many = if counts.len() > 1 {
            "several pages"
        } else {
            "one page"
        };
        Ok(format!(
            "{many}, {}",
            if whole { "whole" } else { "not whole" }
        ))
    })
    .await;
}

#[tokio::test]
async fn nothing_there_is_an_empty_page() {
    let aws = "0";
    at_each("nothing_there_is_an_empty_page", aws, async |table| {
        let (_, counts) = pages(table.query("")).await?;
        let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
        Ok(counts.join(" "))
    })
    .await;
}

fn open(table: &Table) -> QueryFluentBuilder {
    let query = table.client.query().table_name(&table.name);
    query
        .index_name(OPEN_BLOBS)
        .key_condition_expression("#open = :open AND due_at <= :by")
        .expression_attribute_names("#open", "open")
        .expression_attribute_values(":open", text("t"))
        .expression_attribute_values(":by", number(2_000_000_000_000))
}

#[tokio::test]
async fn an_item_is_in_the_index_while_it_is_open() {
    let aws = "nothing; a with its cause, without its n; later nothing; removed nothing";
    at_each(
        "an_item_is_in_the_index_while_it_is_open",
        aws,
        async |table| {
            let items = async || {
                let (items, _) = pages(open(table)).await?;
                let Some(item) = items.first() else {
                    return Outcome::Ok("nothing".to_owned());
                };
                let with = |name| {
                    if item.contains_key(name) {
                        "with"
                    } else {
                        "without"
                    }
                };
                let keys = sort_keys(&items).join(" ");
                Ok(format!(
                    "{keys} {} its cause, {} its n",
                    with("cause"),
                    with("n")
                ))
            };
            let attributes = [("n", number(1)), ("cause", text("why"))];
            table.put("a", attributes).send().await?;
            let mut seen = items().await?;
            let opened = |at| {
                let update = table.update("a", "SET #open = :open, due_at = :at");
                update
                    .expression_attribute_names("#open", "open")
                    .expression_attribute_values(":open", text("t"))
                    .expression_attribute_values(":at", number(at))
                    .send()
            };
            opened(1_700_000_000_000).await?;
            seen = format!("{seen}; {}", items().await?);
            opened(2_000_000_000_001).await?;
            seen = format!("{seen}; later {}", items().await?);
            opened(1_700_000_000_000).await?;
            let removed = table.update("a", "REMOVE #open, due_at");
            let removed = removed.expression_attribute_names("#open", "open");
            removed.send().await?;
            Ok(format!("{seen}; removed {}", items().await?))
        },
    )
    .await;
}

#[tokio::test]
async fn an_index_orders_numbers_as_numbers() {
    let aws = "-5 0 9 10 1700000000000, in pages of 2 2 1";
    at_each("an_index_orders_numbers_as_numbers", aws, async |table| {
        for (key, at) in [
            ("a", 10),
            ("b", 9),
            ("c", 1_700_000_000_000),
            ("d", -5),
            ("e", 0),
        ] {
            let attributes = [("open", text("t")), ("due_at", number(at))];
            table.put(key, attributes).send().await?;
        }
        let (items, counts) = pages(open(table).limit(2)).await?;
        let due = items
            .iter()
            .filter_map(|item| item.get("due_at")?.as_n().ok());
        let due: Vec<&str> = due.map(String::as_str).collect();
        let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
        Ok(format!(
            "{}, in pages of {}",
            due.join(" "),
            counts.join(" ")
        ))
    })
    .await;
}

/// The ledger writes several blobs due at one time, and goes on between two of them.
#[tokio::test]
async fn an_index_goes_on_among_equal_keys() {
    let aws = "2 2 1, each once";
    at_each("an_index_goes_on_among_equal_keys", aws, async |table| {
        let keys = ["a", "b", "c", "d", "e"];
        for key in keys {
            let attributes = [
                ("open", text("t")),
                ("due_at", AttributeValue::N("5".to_owned())),
            ];
            table.put(key, attributes).send().await?;
        }
        let (items, counts) = pages(open(table).limit(2)).await?;
        let mut found = sort_keys(&items);
        found.sort_unstable();
        let once = if found == keys {
            "each once"
        } else {
            "not each once"
        };
        let mut counts: Vec<String> = counts.iter().map(usize::to_string).collect();
        // Whether a last page that is full is followed by an empty one does not matter here.
        counts.retain(|count| count != "0");
        Ok(format!("{}, {once}", counts.join(" ")))
    })
    .await;
}
