//! Quantities and AWS's list prices, in USD (us-east-1, arm64, on demand, without free tiers).

use tests::meter::Readings;

/// DynamoDB: a write unit, a read unit.
const WRITE_UNIT: f64 = 0.625e-6;
const READ_UNIT: f64 = 0.125e-6;
/// SQS: a call.
const SQS_CALL: f64 = 0.40e-6;
/// S3: a PUT, a GET.
const S3_PUT: f64 = 5.0e-6;
const S3_GET: f64 = 0.4e-6;
/// Lambda: an invocation, and a GB for a second.
const INVOCATION: f64 = 0.20e-6;
const GB_SECOND: f64 = 13.3334e-6;
/// API Gateway: a call of an HTTP API.
const HTTP_CALL: f64 = 1.0e-6;

/// What was used, in natural numbers.
#[derive(Debug, Default)]
pub(crate) struct Used {
    pub(crate) readings: Readings,
    /// Calls of Lambda's pollers: a receipt and a deletion for each batch.
    pub(crate) sqs_polls: f64,
    pub(crate) s3_puts: f64,
    pub(crate) s3_gets: f64,
    pub(crate) invocations: f64,
    pub(crate) gb_seconds: f64,
    pub(crate) http_calls: f64,
    pub(crate) microsoft_calls: f64,
}

/// A line of a bill.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) what: String,
    /// In the unit of the bill's first column.
    pub(crate) quantity: f64,
    /// In the unit of the bill's second column.
    pub(crate) usd: f64,
}

/// What something costs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bill {
    pub(crate) lines: Vec<Line>,
}

impl Bill {
    /// The bill for `used`: quantities multiplied by `quantities`, prices by `prices`.
    pub(crate) fn of(used: &Used, quantities: f64, prices: f64) -> Self {
        let mut bill = Self::default();
        let mut add = |what: String, quantity: f64, usd: f64| {
            bill.lines.push(Line {
                what,
                quantity: quantity * quantities,
                usd: quantity * usd * prices,
            });
        };
        for (operation, about, used) in used.readings.each() {
            match about {
                "sqs" => add(format!("SQS {operation}"), used.calls as f64, SQS_CALL),
                _ if used.write_units > 0.0 => add(
                    format!("write units: {operation} {about}"),
                    used.write_units,
                    WRITE_UNIT,
                ),
                _ => add(
                    format!("read units: {operation} {about}"),
                    used.read_units,
                    READ_UNIT,
                ),
            }
        }
        add(
            "SQS receive and delete".to_owned(),
            used.sqs_polls,
            SQS_CALL,
        );
        add("S3 puts".to_owned(), used.s3_puts, S3_PUT);
        add("S3 gets".to_owned(), used.s3_gets, S3_GET);
        add(
            "Lambda invocations".to_owned(),
            used.invocations,
            INVOCATION,
        );
        add("Lambda GB-seconds".to_owned(), used.gb_seconds, GB_SECOND);
        add("API Gateway calls".to_owned(), used.http_calls, HTTP_CALL);
        add("Microsoft calls".to_owned(), used.microsoft_calls, 0.0);
        bill
    }

    /// The sum in the unit of the second column.
    pub(crate) fn usd(&self) -> f64 {
        self.lines.iter().map(|line| line.usd).sum()
    }

    /// This bill less another one, by lines, multiplied.
    pub(crate) fn less(&self, other: &Self, times: f64) -> Self {
        let lines = self.lines.iter().map(|line| {
            let same = other.lines.iter().find(|of| of.what == line.what);
            let (quantity, usd) = same.map_or((0.0, 0.0), |of| (of.quantity, of.usd));
            Line {
                what: line.what.clone(),
                quantity: (line.quantity - quantity) * times,
                usd: (line.usd - usd) * times,
            }
        });
        Self {
            lines: lines.collect(),
        }
    }
}
