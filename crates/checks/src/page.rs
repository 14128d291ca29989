//! The pages of all causes.

/// The page of a cause, by its code.
pub fn check_doc(code: &str) -> Option<&'static str> {
    crate::doctor::page(code).or_else(|| crate::bind::page(code))
}

/// Every cause once, as (code, one line, page), in the order of its name.
pub fn causes() -> Vec<(&'static str, &'static str, &'static str)> {
    let doctor = crate::doctor::every_check().map(|check| (check.code, check.summary, check.doc));
    let mut all: Vec<_> = doctor.collect();
    for check in crate::bind::CHECKS {
        if !all.iter().any(|(code, _, _)| *code == check.code) {
            all.push((check.code, check.summary, check.doc));
        }
    }
    all.sort_unstable_by_key(|(code, _, _)| *code);
    all
}

#[cfg(test)]
mod tests {
    use super::check_doc;

    #[test]
    fn a_code_leads_to_its_page() {
        assert!(check_doc("no-listener").is_some_and(|page| page.contains("## Fix")));
        assert!(check_doc("time-wait").is_some_and(|page| page.contains("## Fix")));
        assert_eq!(check_doc("no-such-code"), None);
    }
}
