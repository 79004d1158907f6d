//! The promise under everything that can happen: by seeds, by scenarios, by what AWS may do, and on the deployed template.

mod readings;
mod scenarios;
mod simulation;
mod stack;
