//! The emulator seen from outside: real HTTP, one test per behaviour.

mod first_hour;
mod world;
