//! Tests of the store and the member as wholes.

mod faults;
mod group;
mod measure;
mod member;
mod property;
mod store;
