//! Indexes of a Job as text: `1,3-5,7`. Models `validateIndexesFormat`, `parseIndexInterval` and
//! `validateFailedIndexesNotOverlapCompleted` of `pkg/apis/batch/validation/validation.go`.

/// How many indexes a text names.
///
/// # Errors
/// What is wrong with it, in upstream's words.
pub fn count(text: &str, completions: i32) -> Result<i64, String> {
    let (mut last, mut total) = (None, 0);
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let (first, end) = interval(part, completions)?;
        if let Some(last) = last.filter(|last| *last >= first) {
            return Err(format!("non-increasing order, previous: {last}, current: {first}"));
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

fn number(text: &str, completions: i32) -> Result<i64, String> {
    let value: i64 = text.parse().map_err(|_| format!("cannot convert string to integer for index: {text:?}"))?;
    if value >= i64::from(completions) { Err(format!("too large index: {text:?}")) } else { Ok(value) }
}

fn interval(part: &str, completions: i32) -> Result<(i64, i64), String> {
    let limits: Vec<&str> = part.split('-').collect();
    if limits.len() > 2 {
        return Err(format!(
            "the fragment {part:?} violates the requirement that an index interval can have at most two parts separated by '-'"
        ));
    }
    let first = number(limits[0], completions)?;
    let Some(end) = limits.get(1) else { return Ok((first, first)) };
    let end = number(end, completions)?;
    if first >= end {
        return Err(format!("non-increasing order, previous: {first}, current: {end}"));
    }
    Ok((first, end))
}

/// The first index that is both completed and failed; parts that are no intervals are passed over.
pub fn overlap(completed: &str, failed: &str, completions: i32) -> Option<i64> {
    let read = |text: &str| -> Vec<(i64, i64)> {
        text.split(',').filter_map(|part| interval(part, completions).ok()).collect()
    };
    let (completed, failed) = (read(completed), read(failed));
    let (mut c, mut f) = (0, 0);
    while let (Some(done), Some(lost)) = (completed.get(c), failed.get(f)) {
        if done.0 <= lost.1 && lost.0 <= done.1 {
            return Some(done.0.max(lost.0));
        }
        if done.0 <= lost.0 { c += 1 } else { f += 1 }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_counted_and_overlaps_found() {
        let check = |text: &str, want: Result<i64, &str>| assert_eq!(count(text, 10), want.map_err(str::to_owned));
        check("", Ok(0));
        check("1,3-5,7", Ok(5));
        check("a", Err("cannot convert string to integer for index: \"a\""));
        check("10", Err("too large index: \"10\""));
        check("3,2", Err("non-increasing order, previous: 3, current: 2"));
        check("5-3", Err("non-increasing order, previous: 5, current: 3"));
        check(
            "1-2-3",
            Err(
                "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts separated by '-'",
            ),
        );
        assert_eq!(overlap("0,2-4", "1,4-5", 10), Some(4));
        assert_eq!(overlap("0,2", "1,3", 10), None);
        assert_eq!(overlap("", "1", 10), None);
    }
}
