//! The same lines through the real etcdctl and etcd.
