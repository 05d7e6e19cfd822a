//! Tests of the store and the member as wholes.

mod measure;
mod member;
mod property;
mod store;
