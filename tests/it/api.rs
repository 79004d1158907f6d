//! The API: what operators, their programs and their browsers ask.

mod consent;
mod doctor;
mod keys;
mod operator;
mod timeline;
