//! Random clusters, services, policies and requests, compared with a model that knows only what Kubernetes promises.

#[test]
fn stub() {}
