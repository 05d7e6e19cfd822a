//! Tests of the files.

use super::*;

#[test]
fn a_path_is_resolved_from_the_working_directory() {
    for (cwd, path, whole) in
        [("/", "etc/hosts", "/etc/hosts"), ("/a/b", "../c", "/a/c"), ("/a", "/x//y/./z", "/x/y/z"), ("/", "../..", "/")]
    {
        assert_eq!(resolve(cwd, path), whole, "{cwd} {path}");
    }
}

#[test]
fn a_file_needs_its_directory_and_leaves_it_behind() {
    let mut fs = Fs::new();
    assert_eq!(fs.write("/data/x", b"1", false), Err(FsError::NotFound));
    assert_eq!(fs.make_dir("/data", false), Ok(()));
    assert_eq!(fs.write("/data/x", b"1", false), Ok(()));
    assert_eq!(fs.write("/data/x", b"2", true), Ok(()));
    assert_eq!(fs.read("/data/x").as_deref(), Ok(&b"12"[..]));
    assert_eq!(fs.list("/data"), Ok(vec!["x".to_owned()]));
    assert_eq!(fs.remove("/data/x", false), Ok(()));
    assert!(fs.is_dir("/data"));
}

#[test]
fn a_directory_is_copied_with_all_that_is_in_it() {
    let mut fs = Fs::new();
    fs.put("/data/a/x", File::of("1"));
    fs.put("/data/y", File::of("2"));
    assert_eq!(fs.copy_dir("/data", "/data/a"), Err(FsError::Exists));
    assert_eq!(fs.copy_dir("/data", "/no/such"), Err(FsError::NotFound));
    assert_eq!(fs.copy_dir("/data", "/copy"), Ok(()));
    assert_eq!(fs.read("/copy/a/x").as_deref(), Ok(&b"1"[..]));
    assert_eq!((fs.list("/copy"), fs.is_file("/data/y")), (Ok(vec!["a".to_owned(), "y".to_owned()]), true));
}

#[test]
fn a_mounted_file_can_not_be_written_and_a_disk_is_finite() {
    let mut fs = Fs::new();
    fs.put("/etc/config/a", File::read_only("x"));
    assert_eq!(fs.write("/etc/config/a", b"y", false), Err(FsError::ReadOnly));
    let much = vec![0; usize::try_from(MOST_BYTES).unwrap() + 1];
    assert_eq!(fs.write("/tmp/big", &much, false), Err(FsError::Full));
}

#[test]
fn a_user_writes_where_it_may_and_what_it_makes_is_its_own() {
    let mut fs = Fs::new();
    fs.put("/etc/secret", File::of("x").with(Access { mode: 0o440, gid: 2_000, ..Access::FILE }));
    fs.used_by(User { uid: 1_000, gid: 3_000, groups: vec![] }, false);
    assert_eq!(fs.write("/etc/x", b"", false), Err(FsError::Denied));
    assert_eq!(fs.make_dir("/data", false), Err(FsError::Denied));
    assert_eq!(fs.read("/etc/secret"), Err(FsError::Denied));
    assert_eq!(fs.write("/tmp/x", b"", false), Ok(()));
    assert_eq!(fs.access("/tmp/x"), Access { uid: 1_000, gid: 3_000, mode: 0o644 });
    assert_eq!(fs.set_access("/tmp/x", |access| access.uid = 0), Err(FsError::NotPermitted));
    fs.used_by(User { uid: 1_000, gid: 3_000, groups: vec![2_000] }, false);
    assert_eq!(fs.read("/etc/secret").as_deref(), Ok(&b"x"[..]));
}

#[test]
fn of_what_can_only_be_read_mounts_are_an_exception() {
    let mut fs = Fs::new();
    fs.used_by(User::default(), true);
    fs.mounted.insert("/data".into(), false);
    fs.dirs.insert("/data".into(), Access::DIR);
    assert_eq!(fs.write("/tmp/x", b"", false), Err(FsError::ReadOnly));
    assert_eq!(fs.make_dir("/new", false), Err(FsError::ReadOnly));
    assert_eq!(fs.write("/data/x", b"", false), Ok(()));
}

#[test]
fn links_are_followed_and_removed_themselves() {
    let mut fs = Fs::new();
    fs.put("/c/..2026/key", File::read_only("v"));
    fs.put("/c/..data", File::link("..2026"));
    fs.put("/c/key", File::link("..data/key"));
    assert_eq!(fs.read("/c/key").as_deref(), Ok(&b"v"[..]));
    assert_eq!(fs.list("/c/..data"), Ok(vec!["key".to_owned()]));
    assert_eq!((fs.target("/c/key"), fs.is_dir("/c/..data")), (Some("..data/key"), true));
    assert_eq!(fs.write("/c/key", b"", false), Err(FsError::ReadOnly));
    assert_eq!(fs.make_link("/tmp/l", "l"), Ok(()));
    assert_eq!((fs.exists("/tmp/l"), fs.remove("/tmp/l", false)), (false, Ok(())));
}

#[test]
fn what_the_kernel_makes_is_there_and_takes_no_room() {
    let mut fs = Fs::new();
    assert!(fs.list("/dev").is_ok_and(|names| names.contains(&"null".to_owned()) && names.contains(&"shm".to_owned())));
    assert_eq!(fs.write("/dev/null", b"x", false), Ok(()));
    assert_eq!(fs.write("/dev/full", b"x", false), Err(FsError::Full));
    assert_eq!((fs.remove("/dev/null", false), fs.files().count()), (Err(FsError::NotPermitted), 0));
    assert_eq!((fs.write("/dev/shm/a", b"x", false), fs.target("/dev/stdout")), (Ok(()), Some("/proc/self/fd/1")));
    assert_eq!(fs.read("/sys/fs/cgroup/cpu.max"), Err(FsError::NotFound));
    fs.allow(Cgroup { memory: Some(64 << 20), cpu: 250 });
    assert_eq!(fs.read("/sys/fs/cgroup/cpu.max").as_deref(), Ok(&b"25000 100000\n"[..]));
    assert_eq!(fs.read("/sys/fs/cgroup/memory.max").as_deref(), Ok(&b"67108864\n"[..]));
    assert_eq!(fs.write("/sys/fs/cgroup/cpu.max", b"max", false), Err(FsError::ReadOnly));
    fs.allow(Cgroup::default());
    assert_eq!(fs.read("/sys/fs/cgroup/cpu.max").as_deref(), Ok(&b"max 100000\n"[..]));
}
