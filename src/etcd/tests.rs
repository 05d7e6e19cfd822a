//! Tests of the store and the member as wholes.

mod member;
mod property;
mod store;
